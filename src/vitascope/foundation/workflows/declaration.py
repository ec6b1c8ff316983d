"""How a service declares durable work, and how a transaction asks for it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, get_type_hints

from vitascope.foundation.context import Context
from vitascope.foundation.encoding import to_json
from vitascope.foundation.events.types import event

A = TypeVar("A")
A_contra = TypeVar("A_contra", contravariant=True)
R = TypeVar("R")

NORMAL = 100
"""The priority of most work; a smaller number goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Where work waits for a worker.

    `per_worker` bounds how much of it one process runs at once, `overall` all processes together,
    `per_second` how much is started in a second.
    """

    name: str
    per_worker: int | None = None
    overall: int | None = None
    per_second: float | None = None


_PER_WORKER = 8


def queue_of(work: str) -> Queue:
    """The queue of a service's work that names no other.

    Each service has its own, because a process takes work from the queues of the services that it hosts.
    """
    return Queue(name=work.rpartition(".")[0] or work, per_worker=_PER_WORKER)


class Run(Protocol):
    """A workflow as its function sees it."""

    id: str
    ctx: Context

    async def step(self, name: str, function: Callable[..., Awaitable[R]], *arguments: Any) -> R:
        """Run the function once: after a crash its recorded result is given back instead.

        The result is kept as JSON and read back as the function's annotated return type; a step
        that was interrupted runs again, so its effect must be idempotent.
        """

    async def cancelled(self) -> bool:
        """Whether somebody cancelled this workflow: a long step asks now and then, and stops its children."""


@dataclass(frozen=True)
class Work(Generic[A]):
    """Durable work by its stable name and the type of its argument: all that one who asks for it needs.

    A service names its work, `ASSEMBLE: Work[Assembly] = Work("video.upload.assemble")`, and its
    `jobs.py`, which knows the service, says what it does: `@durable(ASSEMBLE.name)`.
    """

    name: str


@dataclass(frozen=True)
class Durable(Work[A]):
    """Durable work of a service: `async def transcode(run, argument, jobs: Provided[…])`."""

    function: Callable[..., Awaitable[None]]
    queue: Queue
    cron: str | None = None

    @property
    def argument(self) -> type[A]:
        """The type of its one argument, by which it is read back."""
        hints = get_type_hints(self.function)
        names = [name for name in hints if name != "return"]
        kind: type[A] = hints[names[1]]
        return kind


def durable(
    name: str, *, queue: Queue | None = None
) -> Callable[[Callable[..., Awaitable[None]]], Durable[Any]]:
    """Declare durable work under a stable name: `@durable("transcoding.jobs.transcode")`."""
    return lambda function: Durable(name, function, queue or queue_of(name))


def scheduled(name: str, *, cron: str) -> Callable[[Callable[..., Awaitable[None]]], Durable[Any]]:
    """Declare work that starts by the clock, once per instant over all processes.

    The function takes `(run, fired_at: datetime, …)`; its context belongs to no tenant.
    """
    return lambda function: Durable(name, function, queue_of(name), cron=cron)


@event("foundation.workflows.workflow_requested", version=1)
class WorkflowRequested:
    """A transaction asks for durable work, which starts once the transaction has committed."""

    name: str
    id: str
    argument: str
    priority: int = NORMAL

    @classmethod
    def of(cls, work: Work[A], argument: A, *, id: str, priority: int) -> "WorkflowRequested":  # noqa: A002 - the field's name
        """Ask for this work with this argument; a second request with the same id does nothing."""
        return cls(name=work.name, id=id, argument=to_json(argument).decode(), priority=priority)


@event("foundation.workflows.workflow_failed", version=1)
class WorkflowFailed:
    """Durable work failed for good: it raised, or its process died too often. The id says which."""

    name: str
    id: str
    error: str
