from vitascope.transcoding.pipeline.contracts import Hdr10, MasteringDisplay
from vitascope.transcoding.pipeline.hdr10 import svt_parameters, understand, x265_parameters

P3 = MasteringDisplay(
    red=(34000, 16000),
    green=(13250, 34500),
    blue=(7500, 3000),
    white=(15635, 16450),
    luminance=(10_000_000, 1),
)
GRADED = Hdr10(display=P3, light=(1000, 400))
SIDES: list[dict[str, str | int]] = [
    {"side_data_type": "H.26[45] User Data Unregistered SEI message"},
    {
        "side_data_type": "Mastering display metadata",
        "red_x": "34000/50000",
        "red_y": "16000/50000",
        "green_x": "265/1000",
        "green_y": "34500/50000",
        "blue_x": "7500/50000",
        "blue_y": "3000/50000",
        "white_point_x": "15635/50000",
        "white_point_y": "16450/50000",
        "min_luminance": "1/10000",
        "max_luminance": "1000/1",
    },
    {"side_data_type": "Content light level metadata", "max_content": 1000, "max_average": 400},
]


class TestUnderstand:
    def test_first_picture(self) -> None:
        """It is found with the first picture, whatever the fractions it is told in."""
        assert understand({"streams": [{}], "frames": [{"side_data_list": SIDES}]}) == GRADED

    def test_container(self) -> None:
        """What the container says counts where the picture says nothing, or cannot be decoded."""
        assert understand({"streams": [{"side_data_list": SIDES}]}) == GRADED

    def test_nothing(self) -> None:
        """Without any there is none."""
        assert understand({"frames": [{"side_data_list": SIDES[:1]}]}) is None

    def test_part(self) -> None:
        """A display that is told in part is none; the light level stands for itself."""
        broken = {**SIDES[1], "red_x": "1/0"}

        assert understand({"frames": [{"side_data_list": [broken, SIDES[2]]}]}) == Hdr10(
            display=None, light=(1000, 400)
        )


class TestParameters:
    def test_x265(self) -> None:
        """libx265 takes the units of the bitstream."""
        assert list(x265_parameters(GRADED)) == [
            "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)",
            "max-cll=1000,400",
        ]

    def test_svt(self) -> None:
        """SVT-AV1 takes ones and candelas."""
        assert list(svt_parameters(GRADED)) == [
            (
                "mastering-display=G(0.26500,0.69000)B(0.15000,0.06000)R(0.68000,0.32000)"
                "WP(0.31270,0.32900)L(1000.0000,0.0001)"
            ),
            "content-light=1000,400",
        ]
