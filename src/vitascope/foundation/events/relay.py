"""One relay per database: it moves rows from the outbox to the log and gives each its position.

Reading the outbox by `id > last` would miss rows, because identities are not taken in the order of
commits. The relay claims rows instead, and as the only one of its database (an advisory lock) it
appends them in one statement, so the positions that readers see only ever grow.
"""

import asyncio

import asyncpg
import structlog

from vitascope.foundation.db import advisory
from vitascope.foundation.db.connections import LOST
from vitascope.foundation.events.hints import LOG_CHANNEL, Hint

_KIND, _NAME = "vitascope events", "relay"
_BATCH = 2000
_IDLE_SECONDS = 1.0

_log = structlog.get_logger(__name__)

_MOVE = """
WITH claimed AS (
    DELETE FROM events.outbox WHERE id IN (
        SELECT id FROM events.outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
    ) RETURNING *
), subjects AS (
    SELECT DISTINCT tenant_id, subject FROM claimed
), last AS (
    SELECT s.tenant_id, s.subject, coalesce((
        SELECT max(l.sequence) FROM events.log l WHERE l.tenant_id = s.tenant_id AND l.subject = s.subject
    ), 0) AS sequence FROM subjects s
)
INSERT INTO events.log (event_id, tenant_id, type, subject, sequence, data, trace, time)
SELECT c.event_id, c.tenant_id, c.type, c.subject,
       last.sequence + row_number() OVER (PARTITION BY c.tenant_id, c.subject ORDER BY c.id),
       c.data, c.trace, c.time
FROM claimed c JOIN last USING (tenant_id, subject)
ORDER BY c.id
"""


class Relay:
    """Moves events while it is the one relay of its database; otherwise waits to become it."""

    def __init__(self, *, dsn: str, hint: Hint, frozen_seconds: float = 30.0) -> None:
        self._dsn, self._hint, self._frozen_seconds = dsn, hint, frozen_seconds

    async def run(self) -> None:
        """Work until cancelled; a lost connection is made anew."""
        while True:
            try:
                await self._serve()
            except LOST as failure:
                _log.warning("relay lost the database and goes on", error=str(failure))
            await asyncio.sleep(_IDLE_SECONDS)

    async def _serve(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=5)
        try:
            await self._become_the_one(connection)
            while True:
                await self._drain(connection)
                await self._hint.wait(_IDLE_SECONDS)
        finally:
            connection.terminate()

    async def _become_the_one(self, connection: asyncpg.Connection) -> None:
        """Wait for the lock; its holder asks the database every second, unless it is frozen."""
        while not await advisory.try_lock(connection, kind=_KIND, name=_NAME):
            if await advisory.end_silent_holder(
                connection, kind=_KIND, name=_NAME, seconds=self._frozen_seconds
            ):
                _log.warning("the relay is frozen, another takes over")
            await asyncio.sleep(_IDLE_SECONDS)

    async def _drain(self, connection: asyncpg.Connection) -> None:
        while moved := await move(connection):
            # one hint for the whole batch: a NOTIFY takes a lock over all commits of the cluster
            await connection.execute(f"NOTIFY {LOG_CHANNEL}")
            if moved < _BATCH:
                return


async def move(connection: asyncpg.Connection, batch: int = _BATCH) -> int:
    """Move one batch; returns how many events. Only for the holder of the relay's lock."""
    status: str = await connection.execute(_MOVE, batch)
    return int(status.rsplit(" ", 1)[-1])
