from pathlib import Path

import msgspec
import pytest

from vitascope.transcoding.pipeline.binaries import Tools
from vitascope.transcoding.pipeline.contracts import Plan, Progress, Rate, Rung, VideoTrack
from vitascope.transcoding.pipeline.encode import ProgressReader, clock, filter_graph
from vitascope.transcoding.pipeline.workbench import Workbench

TOOLS = Tools(ffmpeg=Path("ffmpeg"), ffprobe=Path("ffprobe"), packager=Path("packager"))
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


class TestFilterGraph:
    def test_one_decode(self) -> None:
        """The chosen stream is read once, deinterlaced and tone-mapped once, and split to all rungs."""
        graph = filter_graph(PLAN)

        assert graph.startswith("[0:3]bwdif")
        assert (graph.count("tonemap"), graph.count("fps=25/1")) == (1, 1)
        assert "split=2" in graph
        assert "scale=640:360" in graph

    def test_ordinary(self) -> None:
        """An ordinary picture is neither deinterlaced nor tone-mapped."""
        ordinary = msgspec.structs.replace(VIDEO, transfer="bt709", interlaced=False)

        graph = filter_graph(msgspec.structs.replace(PLAN, video=ordinary))

        assert "bwdif" not in graph
        assert "tonemap" not in graph


class TestProgressReader:
    def test_pieces(self) -> None:
        """Progress is understood however the output is cut into pieces."""
        heard: list[Progress] = []
        reader = ProgressReader(Workbench(tools=TOOLS, listen=heard.append), 10.0)

        for piece in (b"fps=50.0\nout_time", b"_us=2500000\nprogress=cont", b"inue\nprogress=end\n"):
            reader(piece)

        assert [(p.fraction, p.frames_per_second) for p in heard] == [(0.25, 50.0), (1.0, 50.0)]

    def test_unknown_duration(self) -> None:
        """Without a known duration progress is nought until the end."""
        heard: list[Progress] = []
        reader = ProgressReader(Workbench(tools=TOOLS, listen=heard.append), None)

        reader(b"out_time_us=N/A\nprogress=continue\nout_time_us=9\nprogress=end\n")

        assert [p.fraction for p in heard] == [0.0, 1.0]


class TestClock:
    @pytest.mark.parametrize(("seconds", "text"), [(5, "0:00:05"), (36000, "10:00:00"), (3599.6, "1:00:00")])
    def test_text(self, seconds: float, text: str) -> None:
        """Seconds are told as hours, minutes and seconds."""
        assert clock(seconds) == text
