"""How good the finished rungs are: VMAF against the film, in the windows of its analysis."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import msgspec

from vitascope.transcoding.pipeline.analysis import reel, vmaf
from vitascope.transcoding.pipeline.analysis.findings import Window
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.outcome import Quality, StageTime
from vitascope.transcoding.pipeline.workbench import Workbench, built, fingerprint

_SCORED_EVERY = 4  # frames
_RESULT = "quality.json"


def measure(
    film: Film,
    files: Sequence[Path],
    *,
    windows: Sequence[Window],
    work: Path,
    bench: Workbench,
) -> tuple[tuple[Quality, ...], StageTime]:
    """The quality of each rung's file, all compared at the size of the plan's largest rung.

    The files have the plan's frame rate and begin with the film. The result is kept in `work`.
    """
    names = [file.name for file in files]
    folder = work.resolve() / f"quality-{fingerprint(film.digest, film.plan, windows, names)}"
    started = time.monotonic()
    if (folder / _RESULT).is_file():
        kept = msgspec.json.decode((folder / _RESULT).read_bytes(), type=tuple[Quality, ...])
        return kept, StageTime(wall=0.0, cpu=0.0)
    scores: list[list[float]] = [[] for _ in files]
    cpu = 0.0
    with tempfile.TemporaryDirectory(prefix=".quality-", dir=work.resolve()) as name:
        for window in windows:
            of_window, spent = _in_window(film, files, window, folder=Path(name), bench=bench)
            cpu += spent
            for number, new in enumerate(of_window):
                scores[number] += new
    qualities = tuple(pooled(of_file) for of_file in scores)
    with built(folder) as partial:
        (partial / _RESULT).write_bytes(msgspec.json.encode(qualities))
    return qualities, StageTime(wall=time.monotonic() - started, cpu=cpu)


def _in_window(
    film: Film, files: Sequence[Path], window: Window, *, folder: Path, bench: Workbench
) -> tuple[Sequence[Sequence[float]], float]:
    frames, cutting = reel.cut(film, [window], folder=folder, bench=bench)
    # Half a frame early, so that rounding never loses the first one.
    start = max(0.0, (window.first - 0.5) * film.plan.frame_rate.seconds(1))
    scores, scoring = vmaf.score(
        frames,
        [vmaf.Encoding(file=file.resolve(), start=start) for file in files],
        size=vmaf.common_size(film.plan.rungs[0].width, film.plan.rungs[0].height),
        every=_SCORED_EVERY,
        folder=folder,
        bench=bench,
    )
    # The first frame of all has no motion before it, by which the metric judges.
    return [of_file[1:] or of_file for of_file in scores], cutting + scoring


def pooled(scores: Sequence[float]) -> Quality:
    """The means and the first percentile of the scores of frames; the harmonic mean as libvmaf has it."""
    return Quality(
        mean=round(fmean(scores), 2),
        harmonic_mean=round(len(scores) / sum(1 / (score + 1) for score in scores) - 1, 2),
        first_percentile=round(_percentile(sorted(scores), 0.01), 2),
        frames=len(scores),
    )


def _percentile(ordered: Sequence[float], part: float) -> float:
    """The value below which this part lies, between the two nearest ones."""
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
