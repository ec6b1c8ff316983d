from pathlib import Path

import pytest

from vitascope.transcoding.pipeline.contracts import Rung
from vitascope.transcoding.pipeline.encoded import EncodedVideo
from vitascope.transcoding.pipeline.pictures import Look, best, poster_sizes, thumbnail_cues

BLACK, GLARE = Look(16, 16, 16, 0), Look(235, 235, 235, 0)
SCENE = Look(110, 30, 210, 40)


def rung(width: int, height: int) -> Rung:
    """A rung of this size."""
    return Rung(name="r", width=width, height=height, profile="main", crf=23, max_rate=1, buffer=1)


def video(width: int, height: int, *, seconds: int) -> EncodedVideo:
    """A rendition with a key frame every two seconds."""
    return EncodedVideo(
        rung=rung(width, height),
        file=Path("v.mp4"),
        frames=seconds * 25,
        duration=float(seconds),
        key_frames=tuple(float(second) for second in range(0, seconds, 2)),
    )


class TestBest:
    @pytest.mark.parametrize(
        ("looks", "chosen"),
        [
            ([BLACK, SCENE, BLACK, BLACK], 1),
            ([GLARE, BLACK, SCENE, GLARE, BLACK, BLACK], 2),
            ([BLACK, BLACK, BLACK, SCENE], 0),
            ([BLACK], 0),
            ([], 0),
        ],
    )
    def test_choice(self, looks: list[Look], chosen: int) -> None:
        """The poster is a frame of the first half, with contrast and colour rather than black or glare."""
        assert best(looks) == chosen


class TestThumbnails:
    def test_cues(self) -> None:
        """Each cue names its place on its sheet, row by row, and the last ends with the film."""
        cues = list(thumbnail_cues(video(640, 360, seconds=23), 23.0, step=1))

        assert len(cues) == 12
        assert cues[0] == "00:00:00.000 --> 00:00:02.000\nthumbnails-01.jpg#xywh=0,0,160,90"
        assert cues[11] == "00:00:22.000 --> 00:00:23.000\nthumbnails-01.jpg#xywh=160,90,160,90"

    def test_next_sheet(self) -> None:
        """After a hundred thumbnails the next sheet begins."""
        cues = list(thumbnail_cues(video(360, 640, seconds=204), 204.0, step=1))

        assert cues[100].endswith("thumbnails-02.jpg#xywh=0,0,90,160")


class TestPosters:
    def test_sizes(self) -> None:
        """The poster comes in three widths at most, none enlarged, in the picture's shape."""
        large = [(p.width, p.height) for p in poster_sizes(rung(1920, 1080))]
        small = [(p.width, p.height) for p in poster_sizes(rung(180, 320))]

        assert large == [(1280, 720), (640, 360), (320, 180)]
        assert small == [(180, 320)]
