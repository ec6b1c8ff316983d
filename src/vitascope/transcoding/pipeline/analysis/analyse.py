"""From a film and its fixed ladder to the ladder that suits it."""

import tempfile
import time
from pathlib import Path

import msgspec
from msgspec.structs import replace

from vitascope.transcoding.pipeline.alternatives import in_kinds
from vitascope.transcoding.pipeline.analysis import choose, reel, shots, trials, vmaf
from vitascope.transcoding.pipeline.analysis.findings import Analysis
from vitascope.transcoding.pipeline.analysis.hull import upper_hull
from vitascope.transcoding.pipeline.analysis.sizes import sizes_under
from vitascope.transcoding.pipeline.contracts import Progress
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.outcome import StageTime
from vitascope.transcoding.pipeline.workbench import Workbench, built, fingerprint

STAGE = "analyse"
_RESULT = "analysis.json"
_REVISION = 1  # changes with whatever changes what is found
_UNCHANGED = "The film needs more than the greatest rates at every quality; the fixed ladder stays."


def analyse(film: Film, *, work: Path, bench: Workbench) -> tuple[Analysis, StageTime]:
    """Find the ladder of a film; the largest size and the ceilings of its plan's rungs hold.

    The result is kept in `work` under a name made of both, and taken from there if it is there.
    Raises UnreadableMedia if nothing can be decoded, TranscodeCancelled, OutOfSpace.
    """
    folder = work.resolve() / f"analysis-{_REVISION}-{fingerprint(film.digest, film.plan)}"
    started = time.monotonic()
    if (folder / _RESULT).is_file():
        return load(folder / _RESULT), StageTime(wall=0.0, cpu=0.0)
    with built(folder) as partial:
        analysis, cpu = _found(film, work=work, bench=bench)
        (partial / _RESULT).write_bytes(msgspec.json.encode(analysis))
    return analysis, StageTime(wall=time.monotonic() - started, cpu=cpu)


def load(file: Path) -> Analysis:
    """An analysis that was kept."""
    return msgspec.json.decode(file.read_bytes(), type=Analysis)


def with_ladder(film: Film, analysis: Analysis) -> Film:
    """The film, with the ladder that was found in its plan, in every codec that the plan has."""
    return replace(film, plan=replace(film.plan, rungs=in_kinds(analysis.rungs, film.plan.rungs)))


def _found(film: Film, *, work: Path, bench: Workbench) -> tuple[Analysis, float]:
    plan = film.plan
    sizes = sizes_under(plan.ordinary)
    with tempfile.TemporaryDirectory(prefix=".analysis-", dir=work.resolve()) as name:
        folder = Path(name)
        windows, finding = shots.find(film, bench=bench)
        bench.listen(Progress(stage=STAGE, fraction=0.1))
        frames, cutting = reel.cut(film, windows, folder=folder, bench=bench)
        bench.listen(Progress(stage=STAGE, fraction=0.2))
        tried, trying = trials.run(frames, plan, sizes, folder=folder, bench=bench)
    estimates = trials.estimates(tried)
    chosen = choose.points(estimates, sizes)
    width, height = vmaf.common_size(plan.rungs[0].width, plan.rungs[0].height)
    analysis = Analysis(
        width=width,
        height=height,
        windows=frames.windows,
        trials=tried,
        estimates=estimates,
        hull=upper_hull(choose.within(estimates, sizes)),
        chosen=chosen,
        rungs=choose.rungs(chosen, sizes) or plan.ordinary,
        warnings=() if chosen else (_UNCHANGED,),
    )
    return analysis, finding + cutting + trying
