"""Group commit: what concurrent callers write at the same moment goes out in one statement.

A caller waits until its own item is committed, which costs it a few milliseconds and the database
one commit for all of them.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import asyncpg

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context
from vitascope.foundation.db.connections import LOST
from vitascope.foundation.db.database import DatabaseUnavailable
from vitascope.foundation.events.outbox import Outgoing, columns
from vitascope.foundation.events.types import EventId
from vitascope.foundation.ids import Ids
from vitascope.foundation.resilience.bulkhead import Overloaded

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much goes into one flush, how long the first of it waits, and how many may wait in all."""

    most: int = 1000
    delay_seconds: float = 0.002
    waiting: int = 20_000


class Batcher(Generic[T]):
    """Collects items of concurrent callers and hands them, in their order, to one `flush` at a time."""

    def __init__(
        self, flush: Callable[[Sequence[T]], Awaitable[None]], *, bounds: Bounds | None = None
    ) -> None:
        self._flush, self._bounds = flush, bounds or Bounds()
        self._waiting: deque[tuple[T, asyncio.Future[None]]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def add(self, item: T) -> None:
        """Return when the item is written; raises what its flush raised, or `Overloaded`.

        A caller that stops waiting takes nothing back: its item may be written.
        """
        if self._closed or len(self._waiting) >= self._bounds.waiting:
            raise Overloaded
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, written))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        await written

    async def close(self) -> None:
        """Take no more, and return when everything that was taken is written."""
        self._closed = True
        if self._task is not None:
            await self._task

    async def _work(self) -> None:
        """Flush until nothing waits: while one flush is on its way, the next one collects."""
        while self._waiting:
            if len(self._waiting) < self._bounds.most:
                await asyncio.sleep(self._bounds.delay_seconds)
            count = min(len(self._waiting), self._bounds.most)
            await self._write([self._waiting.popleft() for _ in range(count)])

    async def _write(self, batch: Sequence[tuple[T, asyncio.Future[None]]]) -> None:
        try:
            await self._flush([item for item, _ in batch])
        except Exception as failure:  # noqa: BLE001 - it belongs to those who wait, each of whom gets it
            for _, written in batch:
                if not written.done():
                    written.set_exception(failure)
        else:
            for _, written in batch:
                if not written.done():
                    written.set_result(None)


class EventBatcher:
    """Sends events that belong to no other change, of any tenants, thousands a second.

    It writes the outbox as the platform's own role, so it is for code that has checked the tenant
    itself. `on_events` is told after each commit: `Hints.committed`.
    """

    def __init__(
        self,
        *,
        dsn: str,
        clock: Clock,
        ids: Ids,
        on_events: Callable[[], None] | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._dsn, self._clock, self._ids, self._on_events = dsn, clock, ids, on_events
        self._batcher: Batcher[Outgoing] = Batcher(self._insert, bounds=bounds)
        self._connection: asyncpg.Connection | None = None

    async def send(self, ctx: Context, event: object, *, subject: str) -> None:
        """Return when the event is committed; raises `Unavailable` when that cannot be had now."""
        await self._batcher.add(
            Outgoing(
                id=self._ids.new(EventId),
                event=event,
                subject=subject,
                tenant=ctx.tenant,
                trace=ctx.trace,
                time=self._clock.now(),
            )
        )

    async def close(self) -> None:
        """Write what waits, then end."""
        await self._batcher.close()
        if self._connection is not None:
            await self._connection.close(timeout=5)

    async def _insert(self, outgoing: Sequence[Outgoing]) -> None:
        try:
            connection = await self._connected()
            await connection.execute(_INSERT, *columns(outgoing).values(), timeout=10)
        except LOST as failure:
            self._drop()
            raise DatabaseUnavailable from failure
        if self._on_events is not None:
            self._on_events()

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self._dsn, timeout=5)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


_INSERT = """
INSERT INTO events.outbox (event_id, tenant_id, type, subject, data, trace, time)
SELECT * FROM unnest(
    $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::text[], $7::timestamptz[]
)
"""
