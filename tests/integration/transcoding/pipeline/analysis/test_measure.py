"""VMAF of finished files, frame against frame."""

from pathlib import Path

import pytest
from tests.integration.transcoding.pipeline.analysis.test_analyse import film_of
from tests.integration.transcoding.pipeline.corpus import Corpus, ffmpeg

from vitascope.transcoding.pipeline.analysis.findings import Window
from vitascope.transcoding.pipeline.analysis.measure import measure
from vitascope.transcoding.pipeline.contracts import Chunk
from vitascope.transcoding.pipeline.encode import encode
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.filters import graph
from vitascope.transcoding.pipeline.workbench import Workbench

WINDOWS = [Window(0, 12), Window(37, 12)]


def nearly_lossless(film: Film, file: Path, *, first: int) -> Path:
    """The film from this frame on, as every encoder gets it."""
    pictures = graph(film.plan, Chunk(number=0, first=first, frames=None), film.plan.rungs[:1])
    times = ("-copyts", "-start_at_zero", "-i", str(film.file))
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "2")
    ffmpeg(*times, "-filter_complex", pictures, "-map", "[v0]", *codec, str(file))
    return file


class TestMeasure:
    @pytest.mark.parametrize("name", ["silent", "variable-rate", "transport-stream"])
    def test_aligned(self, corpus: Corpus, bench: Workbench, tmp_path: Path, name: str) -> None:
        """Each frame is compared with itself: all but perfect, while a file one frame late would not be."""
        film = film_of(corpus[name], bench)
        right = nearly_lossless(film, tmp_path / "right.mp4", first=0)
        late = nearly_lossless(film, tmp_path / "late.mp4", first=1)

        (of_right, of_late), _ = measure(film, [right, late], windows=WINDOWS, work=tmp_path, bench=bench)

        assert of_right.first_percentile > 95
        assert of_late.mean < of_right.mean - 5

    def test_rungs(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """Every rung is scored at one size, the smaller one below the larger one, and the scores are kept."""
        film = film_of(corpus["plain"], bench)
        encoded, _ = encode(film, work=tmp_path, bench=bench)
        files = [encoded.folder / made.file for made in encoded.video]

        (large, small), _ = measure(film, files, windows=WINDOWS, work=tmp_path, bench=bench)
        again, time = measure(film, files, windows=WINDOWS, work=tmp_path, bench=bench)

        assert 0 < small.mean < large.mean <= 100
        assert large.first_percentile <= large.harmonic_mean <= large.mean
        assert large.frames == small.frames == 4
        assert again == (large, small)
        assert time.cpu == 0
