"""Events that a consumer could not handle: kept with the error, to be replayed or dropped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database, Transaction
from vitascope.foundation.errors import NotFound
from vitascope.foundation.events import log
from vitascope.foundation.events.models import dead_letters
from vitascope.foundation.events.types import Envelope, EventId

_ERROR_CHARACTERS = 2000


class NoSuchDeadLetter(NotFound):
    """There is no such dead letter; it may have been replayed or dropped already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An event put aside by one subscription."""

    subscription: str
    position: int
    event_id: EventId
    type: str
    error: str
    attempts: int
    failed_at: datetime

    @classmethod
    def of(
        cls, subscription: str, envelope: Envelope, failure: Exception, *, attempts: int, at: datetime
    ) -> Self:
        """Put an event and the error of its last attempt together."""
        return cls(
            subscription=subscription,
            position=envelope.position,
            event_id=envelope.id,
            type=envelope.type,
            error=f"{type(failure).__name__}: {failure}"[:_ERROR_CHARACTERS],
            attempts=attempts,
            failed_at=at,
        )


async def bury(tx: Transaction, letter: DeadLetter) -> None:
    """Keep the letter, in the transaction that moves the cursor past its event.

    A consumer that was rewound may bury an event a second time; the later error is kept.
    """
    values = {name: getattr(letter, name) for name in DeadLetter.__dataclass_fields__}
    written = insert(dead_letters).values(tenant_id=tx.ctx.tenant, **values)
    latest = {name: written.excluded[name] for name in ("error", "attempts", "failed_at")}
    await tx.execute(written.on_conflict_do_update(index_elements=["subscription", "position"], set_=latest))


async def letters(db: Database, ctx: Context, *, limit: int = 100) -> Sequence[DeadLetter]:
    """The tenant's dead letters, oldest first."""
    columns = [dead_letters.c[name] for name in DeadLetter.__dataclass_fields__]
    async with db.read(ctx) as reader:
        rows = await reader.rows(select(*columns).order_by(dead_letters.c.position).limit(limit))
    return [DeadLetter(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public spelling


async def drop(tx: Transaction, *, subscription: str, position: int) -> None:
    """Forget a letter; raises `NoSuchDeadLetter`."""
    found = delete(dead_letters).where(
        dead_letters.c.subscription == subscription, dead_letters.c.position == position
    )
    if await tx.execute(found) == 0:
        raise NoSuchDeadLetter


class Consumer(Protocol):
    """Who can handle an event of its own once more: a `Subscription`."""

    name: str

    async def handle_again(self, envelope: Envelope, tx: Transaction) -> None:
        """Handle one event in a given transaction, without the cursor."""


async def replay(db: Database, ctx: Context, *, consumer: Consumer, position: int) -> None:
    """Let the consumer handle a letter's event again, and forget the letter if that succeeds.

    Both are one transaction. What the handler raises is raised, and the letter stays. Raises
    `NoSuchDeadLetter`, also for a letter of another tenant.
    """
    envelope = await _envelope_of(db, position=position)
    async with db.transaction(ctx) as tx:
        await drop(tx, subscription=consumer.name, position=position)
        await consumer.handle_again(envelope, tx)


async def _envelope_of(db: Database, *, position: int) -> Envelope:
    async with db.system() as connection:
        envelope = await log.at(connection, position=position)
    if envelope is None:
        raise NoSuchDeadLetter
    return envelope
