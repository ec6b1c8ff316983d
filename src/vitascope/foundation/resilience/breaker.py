"""A circuit breaker: stop asking a dependency that fails, and find out carefully when it is back.

After Michael Nygard, "Release It!" (2nd ed., 2018), chapter 5. State changes never wait, so within
one event loop each is atomic.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from http import HTTPStatus

from vitascope.foundation.clock import Clock
from vitascope.foundation.errors import Unavailable, VitascopeError


class State(Enum):
    """What a breaker does with a call."""

    CLOSED = "closed"  # lets it through
    OPEN = "open"  # refuses it
    HALF_OPEN = "half-open"  # lets a few through to see


class CircuitOpen(Unavailable):
    """This part failed too often just now and is left alone for a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """Open when at least `failure_rate` of the last `window` calls failed, once there were `minimum`."""

    failure_rate: float = 0.5
    minimum: int = 10
    window: int = 50
    open_seconds: float = 5.0
    trials: int = 2

    def __post_init__(self) -> None:
        if not (0 < self.failure_rate <= 1 and 1 <= self.minimum <= self.window and self.trials >= 1):
            raise ValueError(f"a breaker cannot work with {self}")


def is_failure(error: BaseException) -> bool:
    """Whether an error speaks against the dependency: not if it says that the caller is wrong (4xx)."""
    if isinstance(error, VitascopeError):
        return error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, Exception)


class Breaker:
    """Guards the calls to one dependency: `async with breaker.guard(): …`."""

    def __init__(
        self,
        name: str,
        *,
        clock: Clock,
        policy: BreakerPolicy | None = None,
        failure: Callable[[BaseException], bool] = is_failure,
    ) -> None:
        self.name = name
        self._clock, self._failure = clock, failure
        self._policy = policy or BreakerPolicy()
        self._outcomes: deque[bool] = deque(maxlen=self._policy.window)
        self._era = 0  # grows with each change of state; an outcome from an era before says nothing now
        self._opened_at: datetime | None = None
        self._running_trials = 0
        self._passed_trials = 0

    @property
    def state(self) -> State:
        """What happens to a call that comes now."""
        if self._opened_at is None:
            return State.CLOSED
        return State.OPEN if self._until_trial() > 0 else State.HALF_OPEN

    @asynccontextmanager
    async def guard(self) -> AsyncIterator[None]:
        """Run the call inside, or raise CircuitOpen without running it."""
        trial, era = self._admit(), self._era
        failed: bool | None = None
        try:
            yield
            failed = False
        except BaseException as error:
            if isinstance(error, Exception):
                failed = self._failure(error)
            raise  # a cancelled call (failed is None) says nothing about the dependency
        finally:
            if era == self._era:
                self._record(failed=failed, trial=trial)

    def _admit(self) -> bool:
        """Let a call in; tell whether it is a trial."""
        state = self.state
        if state is State.CLOSED:
            return False
        if state is State.OPEN or self._running_trials + self._passed_trials >= self._policy.trials:
            raise CircuitOpen(
                f"{self.name} failed too often just now and is left alone for a moment.",
                extra={"retry_after": max(1.0, self._until_trial())},
            )
        self._running_trials += 1
        return True

    def _record(self, *, failed: bool | None, trial: bool) -> None:
        if trial:
            self._running_trials -= 1
        if failed is None:
            return
        if trial:
            self._record_trial(failed=failed)
        else:
            self._outcomes.append(failed)
            if failed and self._is_too_bad():
                self._change(opened_at=self._clock.now())

    def _record_trial(self, *, failed: bool) -> None:
        if failed:
            self._change(opened_at=self._clock.now())
            return
        self._passed_trials += 1
        if self._passed_trials >= self._policy.trials:
            self._change(opened_at=None)

    def _is_too_bad(self) -> bool:
        count = len(self._outcomes)
        return count >= self._policy.minimum and sum(self._outcomes) >= self._policy.failure_rate * count

    def _change(self, *, opened_at: datetime | None) -> None:
        self._era += 1
        self._opened_at = opened_at
        self._outcomes.clear()
        self._running_trials = self._passed_trials = 0

    def _until_trial(self) -> float:
        """Seconds until an open breaker lets a trial through."""
        if self._opened_at is None:
            return 0.0
        end = self._opened_at + timedelta(seconds=self._policy.open_seconds)
        return (end - self._clock.now()).total_seconds()
