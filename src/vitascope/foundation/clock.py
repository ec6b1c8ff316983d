"""Time, passed in: rules never read the clock themselves."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where a rule gets its time from."""

    def now(self) -> datetime:
        """The present instant, in UTC."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return datetime.now(UTC)
