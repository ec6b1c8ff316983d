"""Durable work on DBOS: any process asks for it, workers run it.

DBOS keeps its tables in the schema `dbos`, which `prepare` makes as the owner; this is the one place
that knows it. There is one engine in a process, because DBOS keeps its state in module globals.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import structlog

from vitascope.foundation.context import PLATFORM, Context, TenantId
from vitascope.foundation.db.database import Database
from vitascope.foundation.encoding import from_json
from vitascope.foundation.errors import VitascopeError
from vitascope.foundation.wiring import Container
from vitascope.foundation.workflows.attempts import Attempts
from vitascope.foundation.workflows.client import APPLICATION, SCHEMA, Client, Request, engine
from vitascope.foundation.workflows.declaration import (
    NORMAL,
    Durable,
    WorkflowRequested,
)
from vitascope.foundation.workflows.executors import Presence, Reaper
from vitascope.foundation.workflows.status import Status

A = TypeVar("A")

VERSION = "1"
"""What DBOS calls the application's version: raised only when running work cannot go on under new code."""

NO_TENANT = TenantId.of(UUID(int=0))
"""Whose context work has that starts by the clock."""

_THREADS = 64

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often a worker looks: at its queues, for dead workers, and how long a silent one may be silent."""

    poll_seconds: float = 0.5
    reap_seconds: float = 2.0
    frozen_seconds: float = 60.0


class UnknownWork(LookupError):
    """No service of this process declares durable work of this name."""


def prepare(owner_dsn: str, *, role: str = "vitascope_system") -> None:
    """Make or migrate the engine's schema, as the owner of the database; safe to repeat and to race."""
    from dbos import DBOS  # noqa: PLC0415 - see `Client`

    _quiet()
    DBOS.migrate(owner_dsn, schema=SCHEMA, application_role=role)


class Workflows:
    """The durable work of a process: give it the services' declarations, then ask for work.

    `dsn` is that of the role `vitascope_system`. A process that never calls `launch` runs nothing.
    """

    _launched: ClassVar["Workflows | None"] = None

    def __init__(self, *, dsn: str, db: Database, executor: str = "main", pace: Pace | None = None) -> None:
        self._dsn, self._db, self.executor = dsn, db, executor
        self._pace = pace or Pace()
        self._pool = engine(dsn)
        self._client = Client(pool=self._pool)
        self._attempts = Attempts(db=db)
        self._works: dict[str, Durable[Any]] = {}
        self._elsewhere: dict[str, Durable[Any]] = {}
        self._container: Container | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False

    def register(
        self, works: Iterable[Durable[Any]], container: Container, *, elsewhere: Iterable[Durable[Any]] = ()
    ) -> None:
        """Make the services' durable work known, before `launch`.

        Work of services that run `elsewhere` can be asked for here, and waits in its queue for them.
        """
        self._container = container
        self._elsewhere = {work.name: work for work in elsewhere}
        for work in works:
            if work.name in self._works:
                raise ValueError(f"the durable work {work.name} is declared twice")
            self._works[work.name] = work

    async def start(
        self,
        ctx: Context,
        work: Durable[A],
        argument: A,
        *,
        id: str,  # noqa: A002 - as everywhere
        priority: int = NORMAL,
    ) -> None:
        """Ask for work now; inside a transaction use `tx.start`. A known id starts nothing."""
        request = WorkflowRequested.of(work, argument, id=id, priority=priority)
        await self.start_requested(ctx, request)

    async def start_requested(self, ctx: Context, request: WorkflowRequested) -> None:
        """Ask for the work that an event tells of; raises `UnknownWork`."""
        await self._client.start(
            id=request.id,
            name=request.name,
            queue=self._work(request.name).queue.name,
            request=Request(tenant=ctx.tenant, argument=request.argument, trace=ctx.trace),
            priority=request.priority,
        )

    async def status(self, id: str) -> Status:  # noqa: A002 - as everywhere
        """How the work stands; raises `NoSuchWorkflow`."""
        return await self._client.status(id=id)

    async def cancel(self, id: str) -> None:  # noqa: A002 - as everywhere
        """Stop the work at the end of its running step; raises `NoSuchWorkflow`."""
        await self._client.cancel(id=id)

    async def resume(self, id: str) -> None:  # noqa: A002 - as everywhere
        """Go on with cancelled work after its last recorded step; work that is done or failed stays so."""
        known = await self._client.status(id=id)
        await self._attempts.forgive(id=id)
        await self._client.resume(id=id, queue=self._work(known.name).queue.name)

    async def collect(self, *, before: datetime) -> int:
        """Forget work that ended before an instant; returns how much."""
        total = 0
        while found := await self._client.collect(before=before):
            total += found
        await self._attempts.collect(before=before)
        return total

    async def launch(self) -> None:
        """Become a worker: listen to the queues of all registered work.

        Raises `ExecutorTaken` when another worker has this name, and an error of DBOS when `prepare`
        has not been run on this database.
        """
        if Workflows._launched is not None:
            raise RuntimeError("there is one engine of durable work in a process, and it is running")
        presence = Presence(dsn=self._dsn, executor=self.executor)
        lock = await presence.enter()
        Workflows._launched = self
        await self._client.declare(self._works.values(), poll_seconds=self._pace.poll_seconds)
        self._launch_dbos()
        self._keepers = [
            asyncio.create_task(presence.hold(lock)),
            asyncio.create_task(self._reaper().run(every_seconds=self._pace.reap_seconds)),
        ]

    async def shutdown(self) -> None:
        """Interrupt what runs, to be resumed later, and end; without `launch` only the pool is closed."""
        self._stopping = True
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        # the reaper asks DBOS, and so ends before it; the lock that shows us alive is held until after
        await _ended(self._keepers[1:])
        if Workflows._launched is self:
            await self._destroy_dbos()
        await _ended(self._keepers)
        self._pool.dispose()

    def _work(self, name: str) -> Durable[Any]:
        try:
            return self._works.get(name) or self._elsewhere[name]
        except KeyError:
            raise UnknownWork(f"no service of this process declares the durable work {name!r}") from None

    def _launch_dbos(self) -> None:
        """In the running loop's own thread: DBOS runs coroutines on the loop that launched it."""
        from dbos import DBOS  # noqa: PLC0415 - see `Client`

        from vitascope.foundation.workflows.serializer import JsonSerializer  # noqa: PLC0415 - imports dbos too

        _quiet()
        DBOS(
            config={
                "name": APPLICATION,
                "system_database_engine": self._pool,
                "dbos_system_schema": SCHEMA,
                "serializer": JsonSerializer(),
                "application_version": VERSION,
                "executor_id": self.executor,
                "max_executor_threads": _THREADS,
                "run_migrations": False,
                "use_listen_notify": False,
                "notification_listener_polling_interval_sec": self._pace.poll_seconds,
                "scheduler_polling_interval_sec": 60 * self._pace.poll_seconds,
                "log_level": "WARNING",
            }
        )
        for work in self._works.values():
            DBOS.workflow(name=work.name, max_recovery_attempts=None)(self._runner(work))
        DBOS.listen_queues(sorted({work.queue.name for work in self._works.values()}))
        DBOS.launch()

    async def _destroy_dbos(self) -> None:
        from dbos import DBOS  # noqa: PLC0415 - see `Client`

        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
        # DBOS made its own threads the loop's, and they are gone with it
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
        Workflows._launched = None

    def _runner(self, work: Durable[Any]) -> Any:
        """The function that DBOS calls; its arguments are what DBOS kept."""

        async def run(*kept: Any) -> None:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - DBOS runs it in a task
            if self._stopping:
                raise asyncio.CancelledError
            self._running.add(task)
            try:
                await self._run(work, *kept)
            finally:
                self._running.discard(task)

        run.__qualname__ = run.__name__ = work.name
        return run

    async def _run(self, work: Durable[Any], kept: Any, _context: Any = None) -> None:
        from dbos import DBOS  # noqa: PLC0415 - see `Client`

        id_ = str(DBOS.workflow_id)
        ctx, argument = _unpack(work, kept)
        try:
            await self._attempts.begin(id=id_, name=work.name)
            await self._call(work, id_, ctx, argument)
        except asyncio.CancelledError:
            if self._stopping:
                await self._attempts.forgive(id=id_)
            raise
        except Exception as failure:
            unexpected = None if isinstance(failure, VitascopeError) else failure
            _log.error("durable work failed", work=work.name, id=id_, error=str(failure), exc_info=unexpected)
            await self._attempts.fail(ctx, id=id_, name=work.name, failure=failure)
            raise

    async def _call(self, work: Durable[Any], id_: str, ctx: Context, argument: Any) -> None:
        from vitascope.foundation.workflows.run import DurableRun  # noqa: PLC0415 - imports dbos

        run = DurableRun(id=id_, ctx=ctx, client=self._client, executor=self.executor)
        assert self._container is not None  # noqa: S101 - set by `register`, without which there is no work
        await work.function(run, argument, **self._container.arguments(work.function))

    def _reaper(self) -> Reaper:
        return Reaper(
            dsn=self._dsn,
            executor=self.executor,
            working=self._working,
            release=self._release,
            frozen_seconds=self._pace.frozen_seconds,
        )

    async def _working(self) -> set[str]:
        return {one.executor for one in await self._client.running() if one.executor}

    async def _release(self, executor: str) -> int:
        """Give a dead worker's work back to the queues that it came from."""
        left = await self._client.running(executor=executor)
        for one in left:
            await self._client.resume(id=one.id, queue=one.queue or self._work(one.name).queue.name)
        return len(left)


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _unpack(work: Durable[Any], kept: Any) -> tuple[Context, Any]:
    """Whose work it is, and its argument."""
    if work.cron is not None:
        return Context(tenant=NO_TENANT, principal=PLATFORM), kept
    request = Request.read(kept)
    ctx = Context(tenant=request.tenant, principal=PLATFORM, trace=request.trace)
    return ctx, from_json(request.argument, work.argument)


class _ToStructlog(logging.Handler):
    """DBOS's lines, as ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass the line on."""
        with contextlib.suppress(Exception):
            _log.log(record.levelno, record.getMessage(), source="dbos")


def _quiet() -> None:
    """Before DBOS finds no handler and writes to the console itself."""
    logger = logging.getLogger("dbos")
    if not any(isinstance(one, _ToStructlog) for one in logger.handlers):
        logger.handlers[:] = [_ToStructlog()]
        logger.propagate = False
    logger.setLevel(logging.WARNING)
