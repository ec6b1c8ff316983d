from datetime import UTC, datetime
from random import Random

import pytest

from vitascope.foundation.errors import DeadlineExceeded, Invalid, Unavailable
from vitascope.foundation.resilience.deadline import Deadline
from vitascope.foundation.resilience.retry import Retrier, RetryBudget, RetryPolicy
from vitascope.foundation.testing.clock import ManualClock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class _Dependency:
    """Fails as often as told, then answers."""

    def __init__(self, clock: ManualClock, *, failures: int, error: type[Exception] = Unavailable) -> None:
        self.clock, self.failures, self.error = clock, failures, error
        self.calls = 0
        self.waits: list[float] = []

    async def call(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return "answer"

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(seconds)

    def retrier(self, *, budget: RetryBudget | None = None, policy: RetryPolicy | None = None) -> Retrier:
        budget = budget or RetryBudget(ratio=10)
        random = Random(1)
        return Retrier(clock=self.clock, budget=budget, policy=policy, random=random, sleep=self.sleep)


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock(NOON)


class TestRun:
    async def test_third_attempt_answers(self, clock: ManualClock) -> None:
        """Two transient failures are forgotten, after two random waits within their bounds."""
        dependency = _Dependency(clock, failures=2)

        assert await dependency.retrier().run(dependency.call) == "answer"

        assert dependency.calls == 3
        assert 0 <= dependency.waits[0] <= 0.1
        assert 0 <= dependency.waits[1] <= 0.2

    async def test_never_a_fourth(self, clock: ManualClock) -> None:
        """After three attempts the last error is raised."""
        dependency = _Dependency(clock, failures=9)

        with pytest.raises(Unavailable):
            await dependency.retrier().run(dependency.call)

        assert dependency.calls == 3

    @pytest.mark.parametrize("error", [Invalid, ZeroDivisionError])
    async def test_permanent_error(self, clock: ManualClock, error: type[Exception]) -> None:
        """An error that another attempt cannot mend is raised at once."""
        dependency = _Dependency(clock, failures=1, error=error)

        with pytest.raises(error):
            await dependency.retrier().run(dependency.call)

        assert dependency.calls == 1

    async def test_no_wait_past_the_deadline(self, clock: ManualClock) -> None:
        """No wait goes past the deadline: the error comes at once, while there is time to use it."""
        dependency = _Dependency(clock, failures=9)
        policy = RetryPolicy(base_seconds=100, max_seconds=100)

        with pytest.raises(Unavailable):
            await dependency.retrier(policy=policy).run(
                dependency.call, deadline=Deadline.after(1, clock=clock)
            )

        assert (dependency.calls, dependency.waits) == (1, [])

    async def test_passed_deadline(self, clock: ManualClock) -> None:
        """Past the deadline nothing is called at all."""
        dependency = _Dependency(clock, failures=0)

        with pytest.raises(DeadlineExceeded):
            await dependency.retrier().run(dependency.call, deadline=Deadline(NOON))

        assert dependency.calls == 0


class TestBudget:
    @pytest.mark.parametrize(("budget", "bounded"), [(RetryBudget(), True), (RetryBudget(ratio=10), False)])
    async def test_amplification(self, clock: ManualClock, budget: RetryBudget, bounded: bool) -> None:
        """A dependency that is down gets at most a tenth more calls; a budget without a bound fails this."""
        dependency = _Dependency(clock, failures=10**9)
        retrier = dependency.retrier(budget=budget)

        for _ in range(1000):
            with pytest.raises(Unavailable):
                await retrier.run(dependency.call)

        retries = dependency.calls - 1000
        assert (retries <= 101) is bounded

    def test_policy_has_its_bound(self) -> None:
        """Nobody can ask for more than three attempts."""
        with pytest.raises(ValueError, match="attempts"):
            RetryPolicy(attempts=4)
