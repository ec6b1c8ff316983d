"""Transactions that carry their tenant, and the events that leave with them."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import wraps
from random import SystemRandom
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Executable, Result, Row, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.db.connections import LOST, is_outage, tells_outage
from vitascope.foundation.db.questions import Questions
from vitascope.foundation.db.reads import AllBusy, Reads
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.db.tables import TENANT_SETTING
from vitascope.foundation.errors import Unavailable
from vitascope.foundation.events.outbox import Outgoing, write
from vitascope.foundation.events.types import EventId
from vitascope.foundation.ids import Ids
from vitascope.foundation.workflows.declaration import NORMAL, Work, WorkflowRequested

_SET_LOCAL = text(f"SELECT set_config('{TENANT_SETTING}', :tenant, true)")
_RETRIED = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected
_ATTEMPTS = 4
_ALL_BUSY = "All database connections are busy; try again soon."

P = ParamSpec("P")
S = TypeVar("S")
R = TypeVar("R")
A = TypeVar("A")


class DatabaseUnavailable(Unavailable):
    """The database does not answer, or all of its connections are busy; try again soon."""


class Reader(ABC):
    """Statements that are answered with rows."""

    async def rows(self, statement: Executable, values: Any = None) -> Sequence[Row[Any]]:
        """All rows."""
        return await self._ask(statement, values, Result.all)

    async def first(self, statement: Executable, values: Any = None) -> Row[Any] | None:
        """The first row, or None."""
        return await self._ask(statement, values, Result.first)

    async def scalar(self, statement: Executable, values: Any = None) -> Any:
        """The first column of the first row, or None."""
        return await self._ask(statement, values, Result.scalar)

    async def scalars(self, statement: Executable, values: Any = None) -> Sequence[Any]:
        """The first column of all rows."""
        return await self._ask(statement, values, lambda result: result.scalars().all())

    @abstractmethod
    async def _ask(self, statement: Executable, values: Any, take: Callable[[Result[Any]], R]) -> R:
        """Run the statement and take from its result."""


class _SingleReads(Reader):
    """Each statement on a connection of its own, committed by itself, past the pool of transactions."""

    def __init__(self, reads: Reads, tenant: TenantId) -> None:
        self._reads, self._tenant = reads, tenant

    async def _ask(self, statement: Executable, values: Any, take: Callable[[Result[Any]], R]) -> R:
        question = self._reads.questions.of(statement, values)
        try:
            shape, records = await self._reads.ask(question, tenant=self._tenant)
        except AllBusy as failure:
            raise DatabaseUnavailable(_ALL_BUSY) from failure
        except LOST as failure:
            if is_outage(failure):
                raise DatabaseUnavailable from failure
            raise
        return take(shape.result(records))


class Transaction(Reader):
    """All or nothing: rows and events."""

    def __init__(self, connection: AsyncConnection, *, ctx: Context, clock: Clock, ids: Ids) -> None:
        self.connection = connection
        self.ctx = ctx
        self._clock, self._ids = clock, ids
        self._outgoing: list[Outgoing] = []
        self._emitted = False
        self._after: list[Callable[[], None]] = []

    async def _ask(self, statement: Executable, values: Any, take: Callable[[Result[Any]], R]) -> R:
        return take(await self.connection.execute(statement, values))

    async def execute(self, statement: Executable, values: Any = None) -> int:
        """Run a statement; returns how many rows it touched."""
        return (await self.connection.execute(statement, values)).rowcount

    def emit(self, event: object, *, subject: str) -> None:
        """Send an event about `subject` (an aggregate's id) with this transaction, or not at all."""
        self._outgoing.append(
            Outgoing(
                id=self._ids.new(EventId),
                event=event,
                subject=subject,
                tenant=self.ctx.tenant,
                trace=self.ctx.trace,
                time=self._clock.now(),
            )
        )

    def start(self, work: Work[A], argument: A, *, id: str, priority: int = NORMAL) -> None:  # noqa: A002 - as everywhere
        """Start durable work once this transaction has committed; the same id starts once."""
        request = WorkflowRequested.of(work, argument, id=id, priority=priority)
        self.emit(request, subject=id)

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call this, which may not fail or wait, once the transaction has committed."""
        self._after.append(call)

    async def enter(self, ctx: Context) -> None:
        """Go on for another tenant: for handlers, whose batch may hold events of several."""
        if ctx.tenant != self.ctx.tenant:
            await self.connection.execute(_SET_LOCAL, {"tenant": str(ctx.tenant.uuid)})
        self.ctx = ctx

    async def flush(self) -> bool:
        """Write the events to the outbox in one statement; tells whether there were any, now or before."""
        outgoing, self._outgoing = self._outgoing, []
        if outgoing:
            await write(self.connection, outgoing)
            self._emitted = True
        return self._emitted

    def committed(self) -> None:
        """Run what waited for the commit."""
        for call in self._after:
            call()


class Database:
    """A pool of connections as the everyday role, whose every use names its tenant."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Clock,
        ids: Ids,
        size: int = 8,
        on_events: Callable[[], None] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._clock, self._ids = clock, ids
        self.on_events = on_events
        self.engine = _engine(endpoint.dsn(Role.APP, driver="+asyncpg"), size)
        self._serializable = self.engine.execution_options(isolation_level="SERIALIZABLE")
        self.system_engine = _engine(endpoint.dsn(Role.SYSTEM, driver="+asyncpg"), 3)
        self.reads = Reads(endpoint.dsn(Role.APP), Questions(self.engine.dialect), size=max(1, size // 2))

    async def close(self) -> None:
        """Close all connections."""
        await self.reads.close()
        await self.engine.dispose()
        await self.system_engine.dispose()

    @asynccontextmanager
    async def read(self, ctx: Context) -> AsyncIterator[Reader]:
        """Single statements outside a transaction, each seeing what is committed when it starts."""
        yield _SingleReads(self.reads, ctx.tenant)

    @asynccontextmanager
    async def transaction(self, ctx: Context, *, serializable: bool = False) -> AsyncIterator[Transaction]:
        """One transaction for the context's tenant; its events leave with its commit."""
        engine = self._serializable if serializable else self.engine
        async with _connected(engine) as connection:
            begun = await connection.begin()
            try:
                await connection.execute(_SET_LOCAL, {"tenant": str(ctx.tenant.uuid)})
                tx = Transaction(connection, ctx=ctx, clock=self._clock, ids=self._ids)
                yield tx
                emitted = await tx.flush()
            except BaseException:
                await _finish(begun.rollback())
                raise
            await _finish(begun.commit())
        self._tell(tx, emitted=emitted)

    @asynccontextmanager
    async def system(self) -> AsyncIterator[AsyncConnection]:
        """A transaction of the platform over all tenants: for relays, janitors and sign-in by host."""
        async with _connected(self.system_engine) as connection, connection.begin():
            yield connection

    def _tell(self, tx: Transaction, *, emitted: bool) -> None:
        tx.committed()
        if emitted and self.on_events is not None:
            self.on_events()


def retried(
    method: Callable[Concatenate[S, P], Awaitable[R]],
) -> Callable[Concatenate[S, P], Awaitable[R]]:
    """For a service method that is one transaction: run it all again after a serialisation failure."""

    @wraps(method)
    async def again(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        for attempt in range(1, _ATTEMPTS):
            try:
                return await method(self, *args, **kwargs)
            except DBAPIError as failure:
                if not is_serialization_failure(failure):
                    raise
            await asyncio.sleep(SystemRandom().uniform(0, 0.01 * 2**attempt))
        return await method(self, *args, **kwargs)

    return again


def is_serialization_failure(failure: DBAPIError) -> bool:
    """Whether PostgreSQL asks for the whole transaction again (40001, 40P01)."""
    return sqlstate(failure) in _RETRIED


def sqlstate(failure: DBAPIError) -> str | None:
    """PostgreSQL's code of the error."""
    return getattr(failure.orig, "sqlstate", None)


def constraint(failure: DBAPIError) -> str | None:
    """The name of the constraint that was violated, if one was."""
    cause: Mapping[str, Any] = getattr(getattr(failure.orig, "__cause__", None), "__dict__", {})
    return cause.get("constraint_name")


def _engine(dsn: str, size: int) -> AsyncEngine:
    return create_async_engine(
        dsn,
        pool_size=size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=False,
        hide_parameters=True,  # errors go to the log, and what people sent does not
        connect_args={"timeout": 5, "server_settings": {"application_name": "vitascope"}},
    )


@asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection; a server that is gone is told as such, and its pool forgotten."""
    connection = engine.connect()
    try:
        await connection.start()
    except PoolTimeout as failure:
        raise DatabaseUnavailable(_ALL_BUSY) from failure
    except (DBAPIError, *LOST) as failure:
        raise DatabaseUnavailable from failure
    try:
        yield connection
    except DBAPIError as failure:
        if _is_outage(failure):
            raise DatabaseUnavailable from failure
        raise
    finally:
        await _finish(connection.close())


async def _finish(work: Awaitable[None]) -> None:
    """A commit, a rollback or a close that has started is finished, whoever stops waiting for it."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _is_outage(failure: DBAPIError) -> bool:
    return bool(failure.connection_invalidated) or tells_outage(sqlstate(failure))
