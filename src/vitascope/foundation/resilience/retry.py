"""Retry in one place only, a little, at random moments, and never past the deadline.

Full jitter: Marc Brooker, "Exponential Backoff and Jitter" (AWS, 2015). The budget: "Handling
Overload" in Google's Site Reliability Engineering (2016): when a dependency is down, retries may
add at most a tenth to its load.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from vitascope.foundation.clock import Clock
from vitascope.foundation.errors import Unavailable, VitascopeError
from vitascope.foundation.resilience.deadline import Deadline

MAX_ATTEMPTS = 3

T = TypeVar("T")


class RetryBudget:
    """Retries that a dependency may get: one to begin with, and one more for each ten calls."""

    def __init__(self, *, ratio: float = 0.1, reserve: float = 10.0) -> None:
        self._ratio, self._reserve = ratio, reserve
        self._tokens = min(1.0, reserve)

    def earn(self) -> None:
        """Count a first attempt."""
        self._tokens = min(self._reserve, self._tokens + self._ratio)

    def spend(self) -> bool:
        """Take one retry; False if the budget is empty."""
        if self._tokens < 1 - 1e-9:
            return False
        self._tokens -= 1
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long; the first wait is at most `base_seconds`, each next at most twice that."""

    attempts: int = MAX_ATTEMPTS
    base_seconds: float = 0.1
    max_seconds: float = 2.0

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= MAX_ATTEMPTS:
            raise ValueError(f"attempts must be from 1 to {MAX_ATTEMPTS}, not {self.attempts}")

    def longest_wait(self, failed: int) -> float:
        """Seconds to wait at most after that many failed attempts."""
        return min(self.max_seconds, self.base_seconds * float(1 << (failed - 1)))


def is_transient(error: Exception) -> bool:
    """Whether the same call may work soon: connection trouble, timeouts, and Unavailable."""
    if isinstance(error, VitascopeError):
        return isinstance(error, Unavailable)
    return isinstance(error, (OSError, TimeoutError))


class Retrier:
    """Repeats idempotent calls to one dependency; make one for each dependency, it holds the budget."""

    def __init__(
        self,
        *,
        clock: Clock,
        policy: RetryPolicy | None = None,
        budget: RetryBudget | None = None,
        random: Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._policy = policy or RetryPolicy()
        self._budget = budget or RetryBudget()
        self._random = random or secrets.SystemRandom()

    async def run(
        self,
        call: Callable[[], Awaitable[T]],
        *,
        deadline: Deadline | None = None,
        transient: Callable[[Exception], bool] = is_transient,
    ) -> T:
        """The call's answer, or the last error. Only for calls that may happen twice without harm."""
        self._budget.earn()
        failed = 0
        while True:
            try:
                if deadline is None:
                    return await call()
                async with deadline.enforced(clock=self._clock):
                    return await call()
            except Exception as error:
                failed += 1
                wait = self._random.uniform(0, self._policy.longest_wait(failed))
                if (
                    failed >= self._policy.attempts
                    or not transient(error)
                    or not self._may_wait(wait, deadline)
                ):
                    raise
                await self._sleep(wait)

    def _may_wait(self, seconds: float, deadline: Deadline | None) -> bool:
        in_time = deadline is None or seconds < deadline.remaining(clock=self._clock)
        return in_time and self._budget.spend()
