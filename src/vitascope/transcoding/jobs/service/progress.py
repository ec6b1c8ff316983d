"""One figure for how far a job is, over all of its stages."""

from vitascope.transcoding.pipeline.contracts import Progress

# What a stage takes of the whole: on a film of any length, encoding takes nearly all.
_SHARES = {
    "fetch": 0.02,
    "probe": 0.01,
    "plan": 0.0,
    "encode": 0.87,
    "package": 0.03,
    "pictures": 0.02,
    "verify": 0.02,
    "publish": 0.03,
}
STAGES = tuple(_SHARES)


def overall(stage: str, fraction: float) -> float:
    """How much of the whole is done when so much of a stage is."""
    before = sum(_SHARES[name] for name in STAGES[: STAGES.index(stage)])
    return round(min(1.0, before + _SHARES[stage] * min(max(fraction, 0.0), 1.0)), 4)


class Meter:
    """Hears a stage's progress in whatever thread runs it, and shows the newest to another.

    One attribute is written and read whole, so that no lock is needed.
    """

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self.newest = (stage, overall(stage, 0.0))

    def hear(self, progress: Progress) -> None:
        """Take what the pipeline tells."""
        self.newest = (progress.stage, overall(progress.stage, progress.fraction))

    def move(self, fraction: float) -> None:
        """So much of the stage itself is done."""
        self.newest = (self._stage, overall(self._stage, fraction))
