"""An absolute instant after which nobody waits for the answer; it goes along with every call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from vitascope.foundation.clock import Clock
from vitascope.foundation.errors import DeadlineExceeded


@dataclass(frozen=True, slots=True)
class Deadline:
    """The instant, in UTC."""

    at: datetime

    @classmethod
    def after(cls, seconds: float, *, clock: Clock) -> Self:
        """The deadline that many seconds from now."""
        return cls(clock.now() + timedelta(seconds=seconds))

    def remaining(self, *, clock: Clock) -> float:
        """Seconds left; 0 when it has passed."""
        return max(0.0, (self.at - clock.now()).total_seconds())

    def require(self, *, clock: Clock) -> None:
        """Raise DeadlineExceeded if it has passed: ask before work that is dear."""
        if self.remaining(clock=clock) == 0:
            raise DeadlineExceeded

    def sooner(self, seconds: float, *, clock: Clock) -> "Deadline":
        """The earlier of this one and that many seconds from now: a part never gets more than the whole."""
        return min(self, Deadline.after(seconds, clock=clock), key=lambda deadline: deadline.at)

    @asynccontextmanager
    async def enforced(self, *, clock: Clock) -> AsyncIterator[None]:
        """Cancel what is inside when it passes, and raise DeadlineExceeded instead."""
        self.require(clock=clock)
        scope = asyncio.timeout(self.remaining(clock=clock))
        try:
            async with scope:
                yield
        except TimeoutError as error:
            if scope.expired():
                raise DeadlineExceeded from error
            raise  # somebody else's timeout inside
