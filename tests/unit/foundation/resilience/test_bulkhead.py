import asyncio

import pytest

from vitascope.foundation.resilience.bulkhead import Bulkhead, Overloaded


async def _hold(bulkhead: Bulkhead, gate: asyncio.Event) -> None:
    async with bulkhead.place():
        await gate.wait()


class TestPlace:
    async def test_bounds(self) -> None:
        """Two run, three wait, the sixth is refused at once; those who wait get their turn."""
        bulkhead, gate = Bulkhead(places=2, queue=3, wait_seconds=60), asyncio.Event()
        held = [asyncio.create_task(_hold(bulkhead, gate)) for _ in range(5)]
        await asyncio.sleep(0)

        with pytest.raises(Overloaded):
            await _hold(bulkhead, gate)

        gate.set()
        await asyncio.gather(*held)

    async def test_wait_is_bounded(self) -> None:
        """Who waits too long gets an honest 503 that says when to come again."""
        bulkhead, gate = Bulkhead(places=1, queue=1, wait_seconds=0.02), asyncio.Event()
        held = asyncio.create_task(_hold(bulkhead, gate))
        await asyncio.sleep(0)

        with pytest.raises(Overloaded) as caught:
            await _hold(bulkhead, gate)

        assert caught.value.extra["retry_after"] == 1
        gate.set()
        await held

    async def test_nothing_leaks(self) -> None:
        """After failures, cancellations and refusals all places are free again."""
        bulkhead, gate = Bulkhead(places=1, queue=1, wait_seconds=60), asyncio.Event()
        tasks = [asyncio.create_task(_hold(bulkhead, gate)) for _ in range(2)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        gate.set()

        await asyncio.wait_for(_hold(bulkhead, gate), 30)

        assert bulkhead._waiting == 0
