"""Whose turn it is: start-time fair queueing between tenants.

After Goyal, Vin and Cheng, "Start-time Fair Queueing" (SIGCOMM 1996), with several servers as in Jin,
Chase and Kaur, "Interposed Proportional Sharing" (SIGMETRICS 2004). What is served starts at the virtual
time `max(now, the finish of the tenant's last)` and finishes its cost later; the earliest start is next,
and is what `now` becomes. A tenant with a backlog has its finish ahead of now by what it was given; one
that comes with something small starts now, and is next.

The start is reckoned when a part is taken, not when it comes, so that withdrawing parts costs nothing and
a tenant may order its own work as it likes.
"""

from sqlalchemy import delete, exists, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from vitascope.foundation.context import TenantId
from vitascope.foundation.db.database import Transaction
from vitascope.transcoding.jobs.models import clock, parts, shares
from vitascope.transcoding.jobs.repository.parts import Claimed, PartState, hold, next_of


async def join(tx: Transaction) -> None:
    """The tenant has something to be encoded."""
    await tx.execute(upsert(shares).values(finish=0.0).on_conflict_do_nothing())


async def any_waiting(connection: AsyncConnection) -> bool:
    """Whether there is anything to take, without waiting for anybody."""
    waiting = select(literal(1)).where(parts.c.state == PartState.WAITING).limit(1)
    return (await connection.execute(waiting)).first() is not None


async def claim(connection: AsyncConnection, *, worker: str) -> Claimed | None:
    """Give the next part of the tenant whose turn it is to a worker; None when nothing waits.

    The row of the clock lets one worker after the other choose: it takes a few milliseconds, a part
    takes seconds.
    """
    if not await any_waiting(connection):
        return None
    now = (await connection.execute(select(clock.c.now).with_for_update())).scalar_one()
    waits = exists().where(parts.c.tenant_id == shares.c.tenant_id, parts.c.state == PartState.WAITING)
    first = select(shares.c.tenant_id, shares.c.finish).where(waits)
    turn = (await connection.execute(first.order_by(shares.c.finish, shares.c.tenant_id).limit(1))).first()
    claimed = await next_of(connection, tenant=turn.tenant_id) if turn is not None else None
    if turn is None or claimed is None:
        return None
    start = max(now, turn.finish)
    await hold(connection, claimed=claimed, worker=worker)
    await connection.execute(update(clock).values(now=start))
    await _set_finish(connection, turn.tenant_id, start + claimed.part.cost)
    return claimed


async def settle(tx: Transaction, *, thought: float, took: float) -> None:
    """A part took so many CPU seconds, and not those that it was thought to take."""
    await tx.execute(update(shares).values(finish=shares.c.finish + took - thought))


async def forget_idle(connection: AsyncConnection) -> None:
    """Remove the shares that say nothing: of tenants for whom it is as if they had just come."""
    now = select(clock.c.now).scalar_subquery()
    waits = exists().where(parts.c.tenant_id == shares.c.tenant_id, parts.c.state == PartState.WAITING)
    await connection.execute(delete(shares).where(shares.c.finish <= now, ~waits))


async def _set_finish(connection: AsyncConnection, tenant: TenantId, finish: float) -> None:
    await connection.execute(update(shares).where(shares.c.tenant_id == tenant).values(finish=finish))
