"""One figure for how far a job is, over all of its stages."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from vitascope.transcoding.pipeline.contracts import Progress

# What a stage takes of the whole: on a film of any length, encoding takes nearly all.
_SHARES = {
    "fetch": 0.02,
    "probe": 0.01,
    "plan": 0.0,
    "first": 0.01,
    "encode": 0.86,
    "package": 0.03,
    "pictures": 0.02,
    "verify": 0.02,
    "publish": 0.03,
}
STAGES = tuple(_SHARES)
_LOOKS = 120  # a quarter of a minute's, and more where the database is slow
_LEAST_SECONDS = 2.0


def overall(stage: str, fraction: float) -> float:
    """How much of the whole is done when so much of a stage is."""
    before = sum(_SHARES[name] for name in STAGES[: STAGES.index(stage)])
    return round(min(1.0, before + _SHARES[stage] * min(max(fraction, 0.0), 1.0)), 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How far a job is: over all stages, within its stage, in each rung, and about how long it goes on."""

    stage: str
    progress: float
    stage_progress: float = 0.0
    rungs: Mapping[str, float] = field(default_factory=dict)
    seconds_left: float | None = None


class Estimate:
    """About how long something goes on, from how it went on lately.

    Only what was done while we looked counts: what was found done says nothing of the pace.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque(maxlen=_LOOKS)

    def seconds_left(self, fraction: float, *, now: float) -> float | None:
        """So much is done at this time; None while nothing can be said."""
        if self._seen and fraction < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, fraction))
        began, first = self._seen[0]
        if now - began < _LEAST_SECONDS or fraction <= first:
            return None
        return round((1 - fraction) * (now - began) / (fraction - first), 1)


class Meter:
    """Hears a stage's progress in whatever thread runs it, and shows the newest to another.

    One attribute is written and read whole, so that no lock is needed.
    """

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self.newest = Reading(stage=stage, progress=overall(stage, 0.0))

    def hear(self, progress: Progress) -> None:
        """Take what the pipeline tells."""
        self._read(progress.stage, progress.fraction)

    def move(
        self, fraction: float, *, rungs: Mapping[str, float] | None = None, seconds_left: float | None = None
    ) -> None:
        """So much of the stage itself is done, and of each rung."""
        self._read(self._stage, fraction, rungs=rungs, seconds_left=seconds_left)

    def _read(
        self,
        stage: str,
        fraction: float,
        *,
        rungs: Mapping[str, float] | None = None,
        seconds_left: float | None = None,
    ) -> None:
        self.newest = Reading(
            stage=stage,
            progress=overall(stage, fraction),
            stage_progress=round(min(max(fraction, 0.0), 1.0), 4),
            rungs=rungs or {},
            seconds_left=seconds_left,
        )
