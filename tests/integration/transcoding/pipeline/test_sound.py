from pathlib import Path

import pytest
from tests.integration.transcoding.pipeline.corpus import ffmpeg, tone

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.sound import end_with_picture
from vitascope.transcoding.pipeline.workbench import Workbench


class TestEndWithPicture:
    @pytest.mark.parametrize(("picture", "cut", "left"), [(2.0, 3.0, 2.0), (4.8, 0.0, 5.0), (9.0, 0.0, 5.0)])
    def test_cut(self, bench: Workbench, tmp_path: Path, picture: float, cut: float, left: float) -> None:
        """Sound is cut where it outlasts the picture by more than a moment, and else left alone."""
        file = tmp_path / "audio-0.mp4"
        ffmpeg(*tone(seconds=5), "-c:a", "aac", str(file))

        excess = end_with_picture(file, seconds=picture, bench=bench)

        assert excess == pytest.approx(cut, abs=0.1)
        assert mp4.read_track(file).seconds == pytest.approx(left, abs=0.1)
        assert [path.name for path in tmp_path.iterdir()] == ["audio-0.mp4"]
