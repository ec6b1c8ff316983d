import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from vitascope.foundation.errors import NotFound, Unavailable
from vitascope.foundation.resilience.breaker import Breaker, BreakerPolicy, CircuitOpen, State
from vitascope.foundation.testing.clock import ManualClock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
POLICY = BreakerPolicy(failure_rate=0.5, minimum=4, window=6, open_seconds=5, trials=2)


async def _call(breaker: Breaker, error: BaseException | None = None) -> None:
    async with breaker.guard():
        if error is not None:
            raise error


async def _fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(Unavailable):
            await _call(breaker, Unavailable())


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture(name="breaker")
def _breaker(clock: ManualClock) -> Breaker:
    return Breaker("payments", clock=clock, policy=POLICY)


class TestOpening:
    @pytest.mark.parametrize(("failures", "state"), [(3, State.CLOSED), (4, State.OPEN), (5, State.OPEN)])
    async def test_at_the_minimum(self, breaker: Breaker, failures: int, state: State) -> None:
        """Below the minimum number of calls nothing opens it, at the minimum failures do."""
        for _ in range(failures):
            with pytest.raises(Unavailable):
                await _call(breaker, Unavailable())

        assert breaker.state is state

    @pytest.mark.parametrize(("failures", "state"), [(2, State.CLOSED), (3, State.OPEN)])
    async def test_at_the_rate(self, breaker: Breaker, failures: int, state: State) -> None:
        """Of six calls, three failures are the rate of a half and open it, two do not."""
        for _ in range(6 - failures):
            await _call(breaker)

        await _fail(breaker, failures)

        assert breaker.state is state

    async def test_callers_mistake_is_no_failure(self, breaker: Breaker) -> None:
        """A 4xx says that the caller is wrong, not that the dependency fails."""
        for _ in range(20):
            with pytest.raises(NotFound):
                await _call(breaker, NotFound())

        assert breaker.state is State.CLOSED

    async def test_cancelled_call_says_nothing(self, breaker: Breaker) -> None:
        """A caller that goes away does not speak against the dependency."""
        for _ in range(20):
            with pytest.raises(asyncio.CancelledError):
                await _call(breaker, asyncio.CancelledError())

        assert breaker.state is State.CLOSED

    async def test_refusal_says_when(self, breaker: Breaker, clock: ManualClock) -> None:
        """A refused call tells the name and the seconds until a trial."""
        await _fail(breaker, 4)
        clock.advance(2)

        with pytest.raises(CircuitOpen, match="payments") as caught:
            await _call(breaker)

        assert caught.value.extra["retry_after"] == 3


class TestHalfOpen:
    async def test_quota_holds_at_once(self, breaker: Breaker, clock: ManualClock) -> None:
        """Of a hundred calls at once only the trials get through, and success of all of them closes it."""
        await _fail(breaker, 4)
        clock.advance(5)
        gate, through = asyncio.Event(), 0

        async def call() -> None:
            nonlocal through
            async with breaker.guard():
                through += 1
                await gate.wait()

        calls = [asyncio.create_task(call()) for _ in range(100)]
        await asyncio.sleep(0)
        gate.set()
        results = await asyncio.gather(*calls, return_exceptions=True)

        assert through == POLICY.trials
        assert sum(isinstance(result, CircuitOpen) for result in results) == 98
        assert breaker.state is State.CLOSED

    async def test_one_failed_trial_opens_again(self, breaker: Breaker, clock: ManualClock) -> None:
        """A trial that fails opens it for the whole time again."""
        await _fail(breaker, 4)
        clock.advance(5)

        await _fail(breaker, 1)

        states = [breaker.state]
        clock.advance(5)
        assert [*states, breaker.state] == [State.OPEN, State.HALF_OPEN]

    async def test_cancelled_trial_gives_its_place_back(self, breaker: Breaker, clock: ManualClock) -> None:
        """A trial whose caller goes away does not use up the quota."""
        await _fail(breaker, 4)
        clock.advance(5)
        for _ in range(5):
            with pytest.raises(asyncio.CancelledError):
                await _call(breaker, asyncio.CancelledError())

        await _call(breaker)
        await _call(breaker)

        assert breaker.state is State.CLOSED

    async def test_late_outcome_says_nothing(self, breaker: Breaker, clock: ManualClock) -> None:
        """A call from before the opening that fails late does not spoil the trials."""
        gate = asyncio.Event()

        async def slow() -> None:
            async with breaker.guard():
                await gate.wait()
                raise Unavailable

        late = asyncio.create_task(slow())
        await asyncio.sleep(0)
        await _fail(breaker, 4)
        clock.advance(5)
        gate.set()
        with pytest.raises(Unavailable):
            await late

        assert breaker.state is State.HALF_OPEN


class _BreakerModel(RuleBasedStateMachine):
    """The breaker against the plainest statement of its rules, call by call."""

    @initialize(minimum=st.integers(1, 5), extra=st.integers(0, 3), rate=st.sampled_from([0.25, 0.5, 1.0]))
    def begin(self, minimum: int, extra: int, rate: float) -> None:
        self.policy = BreakerPolicy(failure_rate=rate, minimum=minimum, window=minimum + extra, trials=2)
        self.clock = ManualClock(NOON)
        self.breaker = Breaker("x", clock=self.clock, policy=self.policy)
        self.history: list[bool] = []
        self.waited: float | None = None
        self.passed = 0

    @rule(failed=st.booleans())
    def call(self, failed: bool) -> None:
        refused = False
        try:
            asyncio.run(_call(self.breaker, Unavailable() if failed else None))
        except CircuitOpen:
            refused = True
        except Unavailable:
            pass
        assert refused == (self.expected is State.OPEN)
        if not refused:
            self.learn(failed)

    def learn(self, failed: bool) -> None:
        if self.expected is State.HALF_OPEN:
            self.passed = 0 if failed else self.passed + 1
            if failed or self.passed == self.policy.trials:
                self.history, self.waited, self.passed = [], 0.0 if failed else None, 0
            return
        self.history = [*self.history, failed][-self.policy.window :]
        bad = sum(self.history) / len(self.history) >= self.policy.failure_rate
        if failed and bad and len(self.history) >= self.policy.minimum:
            self.history, self.waited, self.passed = [], 0.0, 0

    @precondition(lambda self: self.waited is not None)
    @rule(seconds=st.sampled_from([0.5, 4.5, 5.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.waited = (self.waited or 0.0) + seconds

    @property
    def expected(self) -> State:
        if self.waited is None:
            return State.CLOSED
        return State.OPEN if self.waited < self.policy.open_seconds else State.HALF_OPEN

    @invariant()
    def agrees(self) -> None:
        assert self.breaker.state is self.expected


_BreakerModel.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


TestModel = _BreakerModel.TestCase
