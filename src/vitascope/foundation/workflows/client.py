"""Asking for durable work, which any process may: it costs a small pool and imports DBOS when first used."""

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import sqlalchemy
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from vitascope.foundation.context import TenantId
from vitascope.foundation.db.database import DatabaseUnavailable
from vitascope.foundation.encoding import from_json, to_json
from vitascope.foundation.workflows.declaration import NORMAL, Durable, Queue
from vitascope.foundation.workflows.status import ENDED, NoSuchWorkflow, Status, WorkflowIdTaken

if TYPE_CHECKING:
    from dbos import DBOSClient, WorkflowStatus

APPLICATION = "vitascope"
SCHEMA = "dbos"
T = TypeVar("T")


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a request until it runs: for whom, with what argument."""

    tenant: TenantId
    argument: str
    trace: str | None = None

    def text(self) -> str:
        """The request as the engine keeps it."""
        return to_json(self).decode()

    @classmethod
    def read(cls, text: str) -> "Request":
        """The request that was kept."""
        return from_json(text, cls)


def engine(dsn: str, *, size: int = 3) -> sqlalchemy.Engine:
    """A small pool of synchronous connections for the engine's own statements."""
    url = sqlalchemy.make_url(dsn).set(drivername="postgresql+psycopg")
    return sqlalchemy.create_engine(
        url,
        pool_size=size,
        max_overflow=3,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5, "application_name": "vitascope workflows"},
    )


class Client:
    """Starts, cancels, resumes and shows durable work, without running any."""

    def __init__(self, *, pool: sqlalchemy.Engine) -> None:
        self._pool = pool

    @cached_property
    def _dbos(self) -> "DBOSClient":
        from dbos import DBOSClient  # noqa: PLC0415 - 0.3 s and 19 MB that many processes never need

        from vitascope.foundation.workflows.serializer import JsonSerializer  # noqa: PLC0415 - imports dbos too

        return DBOSClient(
            system_database_engine=self._pool,
            dbos_system_schema=SCHEMA,
            serializer=JsonSerializer(),
            application_name=APPLICATION,
            retry_connection_errors=False,
            lazy=True,
        )

    async def declare(self, works: Iterable[Durable[Any]], *, poll_seconds: float) -> None:
        """Write down the queues and the schedules of work, or what has changed in them."""
        known = list(works)
        queues = {work.queue.name: work.queue for work in known}.values()
        schedules: Any = [
            {
                "schedule_name": work.name,
                "workflow_name": work.name,
                "schedule": work.cron,
                "queue_name": work.queue.name,
            }
            for work in known
            if work.cron is not None
        ]

        def write() -> None:
            for queue in queues:
                self._dbos.register_queue(
                    queue.name,
                    worker_concurrency=queue.per_worker,
                    global_concurrency=queue.overall,
                    limiter=_limiter(queue),
                    polling_interval_sec=poll_seconds,
                )
            self._dbos.apply_schedules(schedules)

        await _in_thread(write)

    async def start(
        self,
        *,
        id: str,  # noqa: A002 - as everywhere
        name: str,
        queue: str,
        request: Request,
        priority: int = NORMAL,
    ) -> None:
        """Put work in its queue; an id that is known already starts nothing. Raises `WorkflowIdTaken`."""
        from dbos import error  # noqa: PLC0415 - as above

        options: Any = {
            "workflow_name": name,
            "queue_name": queue,
            "workflow_id": id,
            "priority": priority,
        }
        try:
            await _in_thread(lambda: self._dbos.enqueue(options, request.text()))
        except error.DBOSConflictingWorkflowError as failure:
            raise WorkflowIdTaken(f"Other durable work has the id {id!r} already.") from failure

    async def status(self, *, id: str) -> Status:  # noqa: A002 - as everywhere
        """How it stands; raises `NoSuchWorkflow`."""
        return Status.of(await self._find(id))

    async def cancel(self, *, id: str) -> None:  # noqa: A002 - as everywhere
        """Stop it at the end of its running step; what has ended stays as it is."""
        await self._find(id)
        await _in_thread(lambda: self._dbos.cancel_workflow(id))

    async def resume(self, *, id: str, queue: str) -> None:  # noqa: A002 - as everywhere
        """Go on after the last recorded step with what was cancelled or left behind."""
        await self._find(id)
        await _in_thread(lambda: self._dbos.resume_workflow(id, queue_name=queue))

    async def running(self, *, executor: str | None = None) -> Sequence[Status]:
        """What runs now, on one executor or on all."""
        found = await _in_thread(
            lambda: self._dbos.list_workflows(
                status="PENDING", executor_id=executor, load_input=False, load_output=False
            )
        )
        return [Status.of(one) for one in found]

    async def collect(self, *, before: datetime, limit: int = 1000) -> int:
        """Forget work that ended before an instant; returns how many, at most `limit`."""

        def forget() -> int:
            found = self._dbos.list_workflows(
                status=ENDED,
                completed_before=before.isoformat(),
                limit=limit,
                load_input=False,
                load_output=False,
            )
            self._dbos.delete_workflows([one.workflow_id for one in found])
            return len(found)

        return await _in_thread(forget)

    async def _find(self, id: str) -> "WorkflowStatus":  # noqa: A002 - as everywhere
        found = await _in_thread(lambda: self._dbos.list_workflows(workflow_ids=[id], load_input=False))
        if not found:
            raise NoSuchWorkflow(f"There is no durable work with the id {id!r}.")
        return found[0]


def _limiter(queue: Queue) -> Any:
    """At most so many starts in a window: a whole number of them, so a slow rate gets a long window."""
    if queue.per_second is None:
        return None
    starts = max(1, math.ceil(queue.per_second))
    return {"limit": starts, "period": starts / queue.per_second}


async def _in_thread(call: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(call)
    except (OperationalError, PoolTimeout) as failure:
        raise DatabaseUnavailable from failure
