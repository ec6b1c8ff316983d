"""One at a time, over all processes: a lease in the database, and the check that makes it safe.

A lease alone protects nothing: its holder may be frozen past its end and go on when it wakes. So each
holder has a greater fencing number than the one before, and what it writes is checked against it
(Kleppmann, "How to do distributed locking"): `guard` in the transaction that writes, or `fence` sent
along to a resource elsewhere, which refuses a smaller number than it has seen.

    async with locks.hold("catalog.reindex", seconds=30) as lease:
        ...
        async with db.transaction(ctx) as tx:
            await guard(tx, lease)
            ...
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from sqlalchemy import text

from vitascope.foundation.db.database import Database, DatabaseUnavailable, Transaction
from vitascope.foundation.errors import Conflict

_log = structlog.get_logger(__name__)

# the database's clock decides: those of the machines may differ
_TAKE = text(
    """
    INSERT INTO locks.leases (name, holder, fence, until)
    VALUES (:name, :holder, 1, clock_timestamp() + make_interval(secs => :seconds))
    ON CONFLICT (name) DO UPDATE
    SET holder = excluded.holder, fence = leases.fence + 1, until = excluded.until
    WHERE leases.until < clock_timestamp()
    RETURNING fence
    """
)
_RENEW = text(
    """
    UPDATE locks.leases SET until = clock_timestamp() + make_interval(secs => :seconds)
    WHERE name = :name AND fence = :fence AND until > clock_timestamp()
    """
)
_GIVE_BACK = text(
    "UPDATE locks.leases SET until = clock_timestamp() - interval '1 microsecond'"
    " WHERE name = :name AND fence = :fence AND until > clock_timestamp()"
)
# shared, so that nobody becomes the next holder before this transaction has ended
_GUARD = text("SELECT fence FROM locks.leases WHERE name = :name FOR SHARE")


class LockHeld(Conflict):
    """Another process is doing this now; try again when it is done."""


class LeaseLost(Conflict):
    """The lease has ended and may be another's; nothing more may be written under it."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A name that is ours for a while; `fence` is greater than that of every holder before."""

    name: str
    fence: int


class Locks:
    """Takes leases for this process."""

    def __init__(self, *, db: Database) -> None:
        self._db = db
        self._holder = f"{socket.gethostname()}:{os.getpid()}"

    async def take(self, name: str, *, seconds: float) -> Lease:
        """The lease, for so long; raises `LockHeld` while another has it."""
        values = {"name": name, "holder": self._holder, "seconds": seconds}
        async with self._db.system() as connection:
            fence = (await connection.execute(_TAKE, values)).scalar()
        if fence is None:
            raise LockHeld(f"Another process holds {name!r} now; try again when it is done.")
        return Lease(name, fence)

    async def renew(self, lease: Lease, *, seconds: float) -> None:
        """Have it for so long from now; raises `LeaseLost` when it had ended, even if nobody took it."""
        values = {"name": lease.name, "fence": lease.fence, "seconds": seconds}
        async with self._db.system() as connection:
            if (await connection.execute(_RENEW, values)).rowcount == 0:
                raise LeaseLost

    async def give_back(self, lease: Lease) -> None:
        """End it now; one that has ended already is left alone."""
        async with self._db.system() as connection:
            await connection.execute(_GIVE_BACK, {"name": lease.name, "fence": lease.fence})

    @asynccontextmanager
    async def hold(self, name: str, *, seconds: float) -> AsyncIterator[Lease]:
        """Hold it for as long as the block takes, renewing it; a block that loses it is cancelled.

        Raises `LockHeld` at the start, `LeaseLost` in place of the cancellation.
        """
        lease, block = await self.take(name, seconds=seconds), asyncio.current_task()
        assert block is not None  # noqa: S101 - a coroutine runs in a task
        keeper = asyncio.create_task(self._keep(lease, seconds))
        keeper.add_done_callback(lambda ended: None if ended.cancelled() else block.cancel())
        try:
            yield lease
        except asyncio.CancelledError:
            if not keeper.done() or keeper.cancelled():
                raise
            block.uncancel()
            raise LeaseLost from keeper.exception()
        finally:
            keeper.cancel()
            await self.give_back(lease)

    async def _keep(self, lease: Lease, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds / 3)
            try:
                await self.renew(lease, seconds=seconds)
            except DatabaseUnavailable:
                _log.warning("lease could not be renewed, trying again", lease=lease.name)


async def guard(tx: Transaction, lease: Lease) -> None:
    """Raise `LeaseLost` unless nobody became the holder since; till the transaction ends, nobody will."""
    if await tx.scalar(_GUARD, {"name": lease.name}) != lease.fence:
        raise LeaseLost
