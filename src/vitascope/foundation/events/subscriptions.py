"""Consumers: each has a cursor in the log, moved in the transaction of the effect."""

import asyncio
from collections.abc import Sequence
from itertools import groupby

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import PLATFORM, Context, TenantId
from vitascope.foundation.db.database import (
    Database,
    DatabaseUnavailable,
    Transaction,
    is_serialization_failure,
)
from vitascope.foundation.events.dead_letters import DeadLetter, bury
from vitascope.foundation.events.handlers import BoundHandler
from vitascope.foundation.events.hints import Hint
from vitascope.foundation.events.log import read
from vitascope.foundation.events.types import Envelope

_BATCH = 1000
_ATTEMPTS = 3
_IDLE_SECONDS = 1.0

_log = structlog.get_logger(__name__)

_REGISTER = text("INSERT INTO events.subscriptions (name) VALUES (:name) ON CONFLICT DO NOTHING")
_CURSOR = text("SELECT cursor FROM events.subscriptions WHERE name = :name")
# moving from the cursor that was read fences consumers of one name in several processes
_MOVE = text(
    "UPDATE events.subscriptions SET cursor = :to, moved_at = :at WHERE name = :name AND cursor = :of"
)


class Subscription:
    """A named consumer of some event types; one name is one cursor, in however many processes."""

    def __init__(
        self, *, name: str, handlers: Sequence[BoundHandler], db: Database, hint: Hint, clock: Clock
    ) -> None:
        self.name = name
        self._handlers = {kind: bound for bound in handlers for kind in bound.handler.types}
        self._db, self._hint, self._clock = db, hint, clock

    async def run(self) -> None:
        """Work until cancelled; while the database is away, wait for it."""
        while True:
            try:
                if not await self.step():
                    await self._hint.wait(_IDLE_SECONDS)
            except DatabaseUnavailable:
                await asyncio.sleep(_IDLE_SECONDS)
            except Exception:  # noqa: BLE001 - a consumer outlives whatever happens to it, and says so
                _log.exception("subscription failed and goes on", subscription=self.name)
                await asyncio.sleep(_IDLE_SECONDS)

    async def step(self) -> bool:
        """Handle the next batch; tells whether there was any."""
        async with self._db.system() as connection:
            cursor = await self._cursor(connection)
            batch = await read(connection, after=cursor, types=tuple(self._handlers), limit=_BATCH)
        if not batch:
            return False
        try:
            await self._handle(cursor, batch)
        except DatabaseUnavailable:
            raise
        except Exception:  # noqa: BLE001 - whatever it was, each event is now tried alone and its error kept
            await self._handle_singly(cursor, batch)
        return True

    async def _cursor(self, connection: AsyncConnection) -> int:
        cursor = (await connection.execute(_CURSOR, {"name": self.name})).scalar()
        if cursor is None:
            await connection.execute(_REGISTER, {"name": self.name})
        return int(cursor or 0)

    async def _handle(self, cursor: int, batch: Sequence[Envelope]) -> None:
        """Effects, cursor and new events of a whole batch, in one transaction."""
        async with self._db.transaction(_context(batch[0])) as tx:
            if not await self._move(tx, cursor, batch[-1].position):
                return
            for _, run in groupby(batch, key=lambda one: (one.type, one.tenant)):
                envelopes = list(run)
                await tx.enter(_context(envelopes[0]))
                await self._handlers[envelopes[0].type](tx, [one.decode() for one in envelopes])

    async def _handle_singly(self, cursor: int, batch: Sequence[Envelope]) -> None:
        for envelope in batch:
            await self._handle_one(cursor, envelope)
            cursor = envelope.position

    async def _handle_one(self, cursor: int, envelope: Envelope) -> None:
        """Try an event a few times, then put it aside with its error, so that the others go on."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._handle(cursor, [envelope])
            except DatabaseUnavailable:
                raise
            except Exception as failure:
                if isinstance(failure, DBAPIError) and is_serialization_failure(failure):
                    raise
                if attempt == _ATTEMPTS:
                    await self._bury(cursor, envelope, failure)
            else:
                return
            await asyncio.sleep(0.05 * 2**attempt)

    async def _bury(self, cursor: int, envelope: Envelope, failure: Exception) -> None:
        letter = DeadLetter.of(self.name, envelope, failure, attempts=_ATTEMPTS, at=self._clock.now())
        _log.error("event put aside", subscription=self.name, event_id=str(envelope.id), error=letter.error)
        async with self._db.transaction(_context(envelope)) as tx:
            if await self._move(tx, cursor, envelope.position):
                await bury(tx, letter)

    async def _move(self, tx: Transaction, of: int, to: int) -> bool:
        values = {"name": self.name, "of": of, "to": to, "at": self._clock.now()}
        return await tx.execute(_MOVE, values) == 1

    async def handle_again(self, envelope: Envelope, tx: Transaction) -> None:
        """Handle one event in a given transaction, without the cursor: for a dead letter's replay."""
        await self._handlers[envelope.type](tx, [envelope.decode()])


async def rewind(db: Database, *, name: str, to: int = 0) -> None:
    """Let a consumer hear again everything after a position; its projection must be empty or idempotent."""
    async with db.system() as connection:
        await connection.execute(
            text("UPDATE events.subscriptions SET cursor = :to WHERE name = :name"), {"name": name, "to": to}
        )


def _context(envelope: Envelope) -> Context:
    return context_of(tenant=envelope.tenant, trace=envelope.trace)


def context_of(*, tenant: TenantId, trace: str | None = None) -> Context:
    """The context in which the platform itself acts for a tenant."""
    return Context(tenant=tenant, principal=PLATFORM, trace=trace)
