from pathlib import Path

import pytest
from tests.integration.transcoding.pipeline.corpus import ffmpeg, tone

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.audio import place
from vitascope.transcoding.pipeline.workbench import Workbench


class TestPlace:
    @pytest.mark.parametrize(("picture", "cut", "left"), [(2.0, 3.0, 2.0), (4.8, 0.0, 5.0), (9.0, 0.0, 5.0)])
    def test_cut(self, bench: Workbench, tmp_path: Path, picture: float, cut: float, left: float) -> None:
        """Sound is cut where it outlasts the picture by more than a moment, and else left as it is."""
        file, placed = tmp_path / "audio-0.mp4", tmp_path / "placed.mp4"
        ffmpeg(*tone(seconds=5), "-c:a", "aac", str(file))

        excess = place(file, out=placed, seconds=picture, bench=bench)

        assert excess == pytest.approx(cut, abs=0.1)
        assert mp4.read_track(placed).seconds == pytest.approx(left, abs=0.1)
        assert mp4.read_track(file).seconds == pytest.approx(5, abs=0.1)
