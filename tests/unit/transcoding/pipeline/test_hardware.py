import pytest
from msgspec.structs import replace
from tests.unit.transcoding.pipeline.test_ladder import video

from vitascope.transcoding.pipeline.alternatives import in_codecs
from vitascope.transcoding.pipeline.contracts import (
    Codec,
    Engine,
    HardwareUnusable,
    Plan,
    Rate,
    Rung,
)
from vitascope.transcoding.pipeline.hardware import choose, device_options, hardware_options, in_software
from vitascope.transcoding.pipeline.profile import VideoProfile

BASE = tuple(
    Rung(name=f"{height}p", width=width, height=height, profile="high", crf=23, max_rate=10**6, buffer=10**6)
    for width, height in ((1280, 720), (640, 360))
)
ALL = in_codecs(BASE, video(1280, 720), VideoProfile(codecs=("hevc", "av1", "vp9")))


class Machine:
    """A machine whose engines encode what it is told; it keeps what it was asked."""

    def __init__(self, *able: tuple[Engine, Codec]) -> None:
        self._able = able
        self.asked: list[tuple[Engine, Codec]] = []

    def works(self, engine: Engine, codec: Codec) -> bool:
        """Whether the engine encodes the codec."""
        self.asked.append((engine, codec))
        return (engine, codec) in self._able


class TestChoose:
    def test_first_that_works(self) -> None:
        """Each codec has the first engine that encodes it, on all its rungs; the others are for software."""
        machine = Machine(("qsv", "h264"), ("vaapi", "h264"), ("vaapi", "hevc"))

        made = choose(ALL, wish="auto", works=machine.works)

        engines = {(rung.codec, rung.engine) for rung in made}
        assert engines == {("h264", "qsv"), ("hevc", "vaapi"), ("av1", None), ("vp9", None)}

    def test_nothing_works(self) -> None:
        """Where nothing works, all is made in software."""
        assert choose(ALL, wish="auto", works=Machine().works) == ALL

    def test_never(self) -> None:
        """Hardware that is not wanted is not even tried."""
        machine = Machine(("nvenc", "h264"))

        made = choose(ALL, wish="never", works=machine.works)

        assert (made, machine.asked) == (ALL, [])

    def test_required(self) -> None:
        """Where hardware is required, the codecs that it does not encode are told."""
        machine = Machine(("nvenc", "h264"))

        with pytest.raises(HardwareUnusable, match="none here encodes av1 and hevc and vp9") as caught:
            choose(ALL, wish="require", works=machine.works)

        assert caught.value.field == "video.hardware"
        assert {rung.engine for rung in choose(BASE, wish="require", works=machine.works)} == {"nvenc"}

    def test_high_dynamic_range(self) -> None:
        """HDR is encoded in software, which alone is told what the film was graded on."""
        wide = replace(BASE[0], codec="hevc", dynamic_range="pq")
        machine = Machine(("nvenc", "hevc"))

        made = choose((wide,), wish="auto", works=machine.works)

        assert made == (wide,)


class TestInSoftware:
    def test_warning(self) -> None:
        """A plan for hardware becomes the one for software, and says why."""
        machine = Machine(("nvenc", "h264"))
        plan = Plan(
            container="mov",
            video=video(1280, 720),
            audio=(),
            text=(),
            duration=1.0,
            frame_rate=Rate(25),
            gop=50,
            rungs=choose(BASE, wish="auto", works=machine.works),
        )

        made = in_software(plan, because="The card is gone.")

        assert made.rungs == BASE
        assert made.warnings == ("The card is gone. The film was encoded in software.",)


class TestOptions:
    @pytest.mark.parametrize("engine", ["nvenc", "qsv", "vaapi"])
    @pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
    def test_groups(self, engine: Engine, codec: Codec) -> None:
        """Every encoder is told the length of a group, and the rate that it may not exceed."""
        rung = replace(BASE[0], codec=codec, engine=engine)

        options = list(hardware_options(rung, gop=48))

        assert options[:2] == ["-c:v", f"{codec}_{engine}"]
        assert options[options.index("-g") + 1] == "48"
        assert options[options.index("-maxrate") + 1] == str(rung.max_rate)

    def test_device(self) -> None:
        """A device is named only for what needs it."""
        carded = replace(BASE[0], engine="vaapi")

        assert list(device_options(BASE)) == []
        assert "-init_hw_device" in list(device_options([carded]))
