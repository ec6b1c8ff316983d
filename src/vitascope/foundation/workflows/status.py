"""What one can know of a piece of durable work."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from vitascope.foundation.errors import Conflict, NotFound
from vitascope.foundation.workflows.attempts import describe


class State(StrEnum):
    """Where the work stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_STATES = {
    "ENQUEUED": State.WAITING,
    "DELAYED": State.WAITING,
    "PENDING": State.RUNNING,
    "SUCCESS": State.DONE,
    "ERROR": State.FAILED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": State.FAILED,
    "CANCELLED": State.CANCELLED,
}
ENDED = [name for name, state in _STATES.items() if state in {State.DONE, State.FAILED, State.CANCELLED}]
"""The engine's names of the states that last."""


class NoSuchWorkflow(NotFound):
    """There is no durable work with this id; what ended long ago is forgotten."""


class WorkflowIdTaken(Conflict):
    """Other durable work has this id already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A piece of durable work: `executor` runs it or ran it last, `error` says why it failed."""

    id: str
    name: str
    state: State
    queue: str | None
    executor: str | None
    error: str | None
    asked_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, known: Any) -> Self:
        """Read the engine's own record."""
        return cls(
            id=known.workflow_id,
            name=known.name,
            state=_STATES[known.status],
            queue=known.queue_name,
            executor=known.executor_id,
            error=describe(known.error) if known.error is not None else None,
            asked_at=_instant(known.created_at),
            ended_at=_instant(known.completed_at) if known.completed_at else None,
        )


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
