"""Counts how often work was begun and gives it up when that is too often; tells of failures once."""

from datetime import datetime

from sqlalchemy import delete, text, update

from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database
from vitascope.foundation.errors import VitascopeError
from vitascope.foundation.workflows.declaration import WorkflowFailed
from vitascope.foundation.workflows.models import attempts

MOST_ATTEMPTS = 5

_BEGIN = text(
    """
    INSERT INTO workflows.attempts (id, name, begun) VALUES (:id, :name, 1)
    ON CONFLICT (id) DO UPDATE SET begun = attempts.begun + 1, begun_at = now()
    RETURNING begun
    """
)


class GivenUp(VitascopeError):
    """The process that ran this work died every time; it is not tried again."""


class Attempts:
    """The table `workflows.attempts`."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def begin(self, *, id: str, name: str) -> None:  # noqa: A002 - as everywhere
        """Count one more beginning; raises `GivenUp` when there were too many without an end."""
        async with self._db.system() as connection:
            begun = (await connection.execute(_BEGIN, {"id": id, "name": name})).scalar_one()
        if begun > MOST_ATTEMPTS:
            raise GivenUp(
                f"This work was begun {MOST_ATTEMPTS} times and each time its process died; it is given up."
            )

    async def forgive(self, *, id: str) -> None:  # noqa: A002 - as everywhere
        """Start counting anew: somebody resumed the work, or its process stopped in good order."""
        async with self._db.system() as connection:
            await connection.execute(
                update(attempts).where(attempts.c.id == id).values(begun=0, failed=False)
            )

    async def fail(self, ctx: Context, *, id: str, name: str, failure: Exception) -> None:  # noqa: A002 - as everywhere
        """Tell that the work failed for good, once however often its end is replayed."""
        failed = update(attempts).where(attempts.c.id == id, ~attempts.c.failed).values(failed=True)
        async with self._db.transaction(ctx) as tx:
            if await tx.execute(failed):
                tx.emit(WorkflowFailed(name=name, id=id, error=describe(failure)), subject=id)

    async def collect(self, *, before: datetime) -> int:
        """Forget what was begun before an instant; returns how many."""
        async with self._db.system() as connection:
            gone = await connection.execute(delete(attempts).where(attempts.c.begun_at < before))
        return gone.rowcount


def describe(failure: BaseException) -> str:
    """The failure in a line: an expected error's own words, else the class and the text."""
    if isinstance(failure, VitascopeError):
        return failure.detail
    return f"{type(failure).__name__}: {failure}"
