from pathlib import Path

import msgspec
import pytest
from tests.unit.transcoding.pipeline.test_filters import PLAN

from vitascope.transcoding.pipeline.binaries import Tools
from vitascope.transcoding.pipeline.contracts import WHOLE_FILM, Chunk, Progress
from vitascope.transcoding.pipeline.encode import Meter, clock
from vitascope.transcoding.pipeline.workbench import Workbench

TOOLS = Tools(ffmpeg=Path("ffmpeg"), ffprobe=Path("ffprobe"), packager=Path("packager"))


class TestMeter:
    def test_chunks_at_once(self) -> None:
        """The frames of all chunks count together, however their encoders' output is cut into pieces."""
        heard: list[Progress] = []
        meter = Meter(PLAN, Workbench(tools=TOOLS, listen=heard.append))
        one, other = (meter.reader(Chunk(number=n, first=50 * n, frames=50)) for n in range(2))

        for piece in (b"fps=50.0\nfra", b"me=25\nprogress=cont", b"inue\nframe=50\nprogress=end\n"):
            one(piece)
        other(b"frame=50\nprogress=continue\n")

        assert [progress.fraction for progress in heard] == [0.1, 0.2, 0.4]

    def test_unknown_duration(self) -> None:
        """Without a known duration progress is nought."""
        heard: list[Progress] = []
        meter = Meter(
            msgspec.structs.replace(PLAN, duration=None), Workbench(tools=TOOLS, listen=heard.append)
        )

        meter.reader(WHOLE_FILM)(b"frame=N/A\nprogress=continue\nframe=9\nprogress=end\n")

        assert [progress.fraction for progress in heard] == [0.0, 0.0]


class TestClock:
    @pytest.mark.parametrize(("seconds", "text"), [(5, "0:00:05"), (36000, "10:00:00"), (3599.6, "1:00:00")])
    def test_text(self, seconds: float, text: str) -> None:
        """Seconds are told as hours, minutes and seconds."""
        assert clock(seconds) == text
