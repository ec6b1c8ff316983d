"""Session locks by name: held as long as a connection lives, so that getting one proves its holder dead.

A holder shows life by running a statement now and then; one that stays silent for long is frozen or
cut off, and its connection can be ended.
"""

import asyncpg

_TRY = "SELECT pg_try_advisory_lock(hashtext($1), hashtext($2))"
_WAIT = "SELECT pg_advisory_lock(hashtext($1), hashtext($2))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtext($1), hashtext($2))"
_END_SILENT = """
SELECT holder.pid, pg_terminate_backend(holder.pid)
FROM pg_locks l JOIN pg_stat_activity holder USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.database = holder.datid
  AND holder.datname = current_database() AND holder.usename = current_user
  AND l.classid::int8 = hashtext($1)::int8 & 4294967295 AND l.objid::int8 = hashtext($2)::int8 & 4294967295
  AND clock_timestamp() - holder.state_change > make_interval(secs => $3)
"""


async def try_lock(connection: asyncpg.Connection, *, kind: str, name: str) -> bool:
    """Take the lock if it is free; tells whether it was."""
    taken: bool = await connection.fetchval(_TRY, kind, name)
    return taken


async def wait_lock(connection: asyncpg.Connection, *, kind: str, name: str) -> None:
    """Take the lock as soon as it is free."""
    await connection.execute(_WAIT, kind, name)


async def unlock(connection: asyncpg.Connection, *, kind: str, name: str) -> None:
    """Give the lock back."""
    await connection.execute(_UNLOCK, kind, name)


async def end_silent_holder(connection: asyncpg.Connection, *, kind: str, name: str, seconds: float) -> bool:
    """End the connection that holds the lock and has run nothing for so long; tells whether there was one."""
    return bool(await connection.fetch(_END_SILENT, kind, name, seconds))
