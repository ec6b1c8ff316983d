import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.errors import DeadlineExceeded
from vitascope.foundation.resilience.deadline import Deadline
from vitascope.foundation.testing.clock import ManualClock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class TestDeadline:
    def test_counts_down_to_zero(self) -> None:
        """What remains shrinks with the clock and never goes below zero."""
        clock = ManualClock(NOON)
        deadline = Deadline.after(2, clock=clock)

        seen = []
        for _ in range(4):
            seen.append(deadline.remaining(clock=clock))
            clock.advance(1)

        assert seen == [2, 1, 0, 0]
        with pytest.raises(DeadlineExceeded):
            deadline.require(clock=clock)

    def test_a_part_never_gets_more_than_the_whole(self) -> None:
        """A shorter time for a part is kept, a longer one is cut to the whole."""
        clock = ManualClock(NOON)
        deadline = Deadline.after(2, clock=clock)

        assert deadline.sooner(1, clock=clock).at == NOON + timedelta(seconds=1)
        assert deadline.sooner(9, clock=clock) == deadline

    async def test_cuts_what_hangs(self) -> None:
        """What hangs is cancelled at the deadline."""
        clock = SystemClock()

        with pytest.raises(DeadlineExceeded):
            async with Deadline.after(0.02, clock=clock).enforced(clock=clock):
                await asyncio.Event().wait()

    async def test_foreign_timeout_stays(self) -> None:
        """A timeout of somebody else inside is not taken for the deadline's."""
        clock = SystemClock()

        with pytest.raises(TimeoutError):
            async with Deadline.after(9, clock=clock).enforced(clock=clock):
                raise TimeoutError
