import asyncio
from collections.abc import Sequence

import pytest

from vitascope.foundation.db.batching import Batcher, Bounds
from vitascope.foundation.resilience.bulkhead import Overloaded


class _Disk:
    """Where flushes go."""

    def __init__(self) -> None:
        self.flushes: list[list[int]] = []
        self.slow = asyncio.Event()
        self.slow.set()

    async def write(self, items: Sequence[int]) -> None:
        await self.slow.wait()
        if -1 in items:
            raise ValueError("disk is full")
        self.flushes.append(list(items))


class TestBatcher:
    async def test_concurrent_items_share_a_flush_in_order(self) -> None:
        """A hundred callers at once need one flush, in the order in which they came."""
        disk = _Disk()
        batcher = Batcher(disk.write)

        await asyncio.gather(*(batcher.add(number) for number in range(100)))

        assert disk.flushes == [list(range(100))]

    async def test_flush_is_bounded(self) -> None:
        """No flush holds more than its bound."""
        disk = _Disk()
        batcher = Batcher(disk.write, bounds=Bounds(most=30))

        await asyncio.gather(*(batcher.add(number) for number in range(100)))

        assert [len(one) for one in disk.flushes] == [30, 30, 30, 10]

    async def test_error_reaches_each_caller_of_the_flush_and_no_other(self) -> None:
        """Those whose flush fails all get its error; later callers are not concerned."""
        disk = _Disk()
        batcher = Batcher(disk.write, bounds=Bounds(most=2))

        results = await asyncio.gather(*(batcher.add(one) for one in (1, -1, 2, 3)), return_exceptions=True)

        assert [type(one) for one in results] == [ValueError, ValueError, type(None), type(None)]
        assert disk.flushes == [[2, 3]]

    async def test_too_many_waiting_are_refused(self) -> None:
        """When as many wait as may, the next one is told to come later, at once."""
        disk = _Disk()
        disk.slow.clear()
        batcher = Batcher(disk.write, bounds=Bounds(waiting=2))
        waiting = [asyncio.create_task(batcher.add(number)) for number in range(2)]
        await asyncio.sleep(0)

        with pytest.raises(Overloaded):
            await batcher.add(2)

        disk.slow.set()
        await asyncio.gather(*waiting)
        assert disk.flushes == [[0, 1]]

    async def test_close_loses_nothing(self) -> None:
        """What was taken before closing is written; afterwards nothing is taken."""
        disk = _Disk()
        batcher = Batcher(disk.write)
        taken = [asyncio.create_task(batcher.add(number)) for number in range(5)]
        await asyncio.sleep(0)

        await batcher.close()

        assert disk.flushes == [[0, 1, 2, 3, 4]]
        await asyncio.gather(*taken)
        with pytest.raises(Overloaded):
            await batcher.add(5)

    async def test_caller_that_left_does_not_disturb_the_others(self) -> None:
        """A caller that is cancelled while it waits leaves the others' results as they are."""
        disk = _Disk()
        disk.slow.clear()
        batcher = Batcher(disk.write)
        tasks = [asyncio.create_task(batcher.add(number)) for number in range(3)]
        await asyncio.sleep(0.01)

        tasks[1].cancel()
        disk.slow.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)

        assert [type(one) for one in results] == [type(None), asyncio.CancelledError, type(None)]
