"""A clock that a test sets."""

from datetime import datetime, timedelta


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """The instant that was set."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on (or back, with less than 0) by that many seconds."""
        self._now += timedelta(seconds=seconds)
