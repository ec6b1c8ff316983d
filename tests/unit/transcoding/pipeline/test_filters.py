import msgspec

from vitascope.transcoding.pipeline.contracts import (
    WHOLE_FILM,
    Chunk,
    Plan,
    Rate,
    Rung,
    VideoTrack,
)
from vitascope.transcoding.pipeline.filters import graph

RUNGS = tuple(
    Rung(name=f"{height}p", width=width, height=height, profile="main", crf=23, max_rate=1, buffer=1)
    for width, height in ((1280, 720), (640, 360))
)
VIDEO = VideoTrack(
    index=3,
    codec="hevc",
    width=1280,
    height=720,
    display_width=1280,
    display_height=720,
    rotation=0,
    frame_rate=Rate(25),
    variable_rate=False,
    pixel_format="yuv420p10le",
    bit_depth=10,
    transfer="smpte2084",
    interlaced=True,
    duration=None,
)
PLAN = Plan(
    container="mov", video=VIDEO, audio=(), text=(), duration=10.0, frame_rate=Rate(25), gop=50, rungs=RUNGS
)


class TestGraph:
    def test_one_decode(self) -> None:
        """The chosen stream is read once, deinterlaced and tone-mapped once, and split to all rungs."""
        made = graph(PLAN, WHOLE_FILM, PLAN.rungs)

        assert made.startswith("[0:3]bwdif")
        assert (made.count("tonemap"), made.count("fps=25/1")) == (1, 1)
        assert made.count("split=2") == 1
        assert "scale=640:360" in made

    def test_ordinary(self) -> None:
        """An ordinary picture is neither deinterlaced nor tone-mapped."""
        ordinary = msgspec.structs.replace(VIDEO, transfer="bt709", interlaced=False)

        made = graph(msgspec.structs.replace(PLAN, video=ordinary), WHOLE_FILM, PLAN.rungs)

        assert "bwdif" not in made
        assert "tonemap" not in made

    def test_chunk(self) -> None:
        """A chunk keeps the frames of its place in the film; a rung alone comes by way of the largest."""
        made = graph(PLAN, Chunk(number=1, first=150, frames=100), PLAN.rungs[1:])

        assert "fps=25/1:start_time=6.000000,trim=end_frame=100" in made
        assert "scale=1280:720" in made
        assert made.endswith("scale=640:360:flags=bicubic,setsar=1,split=1[v0]")

    def test_ranges(self) -> None:
        """HDR is kept in ten bits for the rungs that want it, beside SDR from the same decode."""
        wide = msgspec.structs.replace(RUNGS[0], name="720p-hevc", codec="hevc", dynamic_range="pq")

        made = graph(PLAN, WHOLE_FILM, (*RUNGS, wide))

        assert (made.count("bwdif"), made.count("tonemap"), made.count("scale=640:360")) == (1, 1, 1)
        assert "split=2[r0][r1]" in made
        assert "[r1]format=yuv420p10le,setsar=1,split=1[s2];" in made
        assert made.endswith("[s2]null,split=1[v2]")

    def test_same_size(self) -> None:
        """Rungs of one size in several codecs share their picture."""
        other = msgspec.structs.replace(RUNGS[1], name="360p-av1", codec="av1")

        made = graph(PLAN, WHOLE_FILM, (*RUNGS, other))

        assert made.count("scale=640:360") == 1
        assert made.endswith("split=2[v1][v2]")

    def test_upload(self) -> None:
        """A picture for VAAPI is brought to the card; the others stay where they are."""
        carded = msgspec.structs.replace(RUNGS[1], engine="vaapi")

        made = graph(PLAN, WHOLE_FILM, (RUNGS[0], carded))

        assert made.endswith("split=1[u1];[u1]format=nv12,hwupload[v1]")

    def test_metadata(self) -> None:
        """What HDR was graded on does not travel with the pictures: SDR rungs must not say it."""
        made = graph(PLAN, WHOLE_FILM, PLAN.rungs)

        assert "sidedata=mode=delete" in made
