"""The metric itself."""

from pathlib import Path

import pytest
from tests.integration.transcoding.pipeline.analysis.test_analyse import film_of
from tests.integration.transcoding.pipeline.corpus import Corpus, ffmpeg

from vitascope.transcoding.pipeline.analysis import reel, vmaf
from vitascope.transcoding.pipeline.analysis.findings import Window
from vitascope.transcoding.pipeline.workbench import Workbench


class TestScore:
    def test_some_frames(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """A frame has the same score whether all are scored or some; only what is needed is looked at."""
        film = film_of(corpus["long-sound"], bench)
        frames, _ = reel.cut(film, [Window(3, 16), Window(30, 16)], folder=tmp_path, bench=bench)
        file = tmp_path / "encoded.mp4"
        ffmpeg(*frames.as_input(), "-c:v", "libx264", "-crf", "30", str(file))

        def scores(every: int) -> tuple[float, ...]:
            encoding = vmaf.Encoding(file=file)
            (found,), _ = vmaf.score(
                frames, [encoding], size=(320, 180), every=every, folder=tmp_path, bench=bench
            )
            return found

        assert len(scores(1)) == 32
        # Not the last: whether a frame comes after it depends on how many are looked at.
        assert scores(7)[:-1] == pytest.approx(scores(1)[::7][:-1], abs=0.001)
        assert scores(4)[:-1] == pytest.approx(scores(1)[::4][:-1], abs=0.001)

    def test_common_size(self) -> None:
        """A film is compared at its own size; a tiny one enlarged as a whole number of times."""
        assert vmaf.common_size(1920, 804) == (1920, 804)
        assert vmaf.common_size(64, 36) == (384, 216)
