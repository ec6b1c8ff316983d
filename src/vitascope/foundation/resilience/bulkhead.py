"""A bulkhead: at most so many calls at once, a short wait for a place, then an honest 503."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vitascope.foundation.errors import Unavailable


class Overloaded(Unavailable):
    """Too much is going on at once; try again in a moment."""


class Bulkhead:
    """Places for calls to one dependency: `async with bulkhead.place(): …`."""

    def __init__(self, *, places: int, queue: int, wait_seconds: float) -> None:
        if places < 1 or queue < 0:
            raise ValueError("a bulkhead needs at least one place and no negative queue")
        self._free = asyncio.Semaphore(places)
        self._queue, self._wait_seconds = queue, wait_seconds
        self._waiting = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place; raises Overloaded if the queue is full or no place came free in time."""
        await self._enter()
        try:
            yield
        finally:
            self._free.release()

    async def _enter(self) -> None:
        if self._free.locked() and self._waiting >= self._queue:
            raise Overloaded(extra={"retry_after": 1})
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise Overloaded(extra={"retry_after": 1}) from error
        finally:
            self._waiting -= 1
