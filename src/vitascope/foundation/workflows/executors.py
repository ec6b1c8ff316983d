"""Which workers live, and taking over the work of one that died.

A worker holds an advisory lock on its name for as long as its connection lives. Whoever gets the lock
of another worker has proof that it is dead, and only then gives its work back to the queues. A worker
that holds its lock and says nothing for long is frozen: its connection is ended, so that it is dead
too; when it wakes, the engine refuses what it wants to record, because others own its work by then.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import asyncpg
import structlog

from vitascope.foundation.db import advisory
from vitascope.foundation.db.connections import LOST
from vitascope.foundation.errors import Conflict

_KIND = "vitascope worker"

_log = structlog.get_logger(__name__)


class ExecutorTaken(Conflict):
    """Another worker with this name is running; give each its own, or wait until it has ended."""


class Presence:
    """This worker's proof of life."""

    def __init__(self, *, dsn: str, executor: str, beat_seconds: float = 2.0) -> None:
        self._dsn, self._executor, self._beat = dsn, executor, beat_seconds

    async def enter(self, *, patience_seconds: float = 15.0) -> asyncpg.Connection:
        """Take the lock; raises `ExecutorTaken` when another worker of this name keeps it."""
        connection = await asyncpg.connect(self._dsn, timeout=5)
        try:
            async with asyncio.timeout(patience_seconds):
                await advisory.wait_lock(connection, kind=_KIND, name=self._executor)
        except TimeoutError:
            connection.terminate()
            raise ExecutorTaken(f"Another worker named {self._executor!r} is running.") from None
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def hold(self, connection: asyncpg.Connection) -> None:
        """Show life until cancelled; after a lost connection take the lock again as soon as it can be had."""
        while True:
            try:
                await self._show_life(connection)
            except LOST as failure:
                _log.warning("worker lost its lock and takes it again", error=str(failure))
                connection.terminate()
            except asyncio.CancelledError:
                connection.terminate()
                raise
            connection = await self._enter_again()

    async def _show_life(self, connection: asyncpg.Connection) -> None:
        while True:
            await asyncio.sleep(self._beat)
            await connection.execute("SELECT 1", timeout=self._beat * 5)

    async def _enter_again(self) -> asyncpg.Connection:
        while True:
            with contextlib.suppress(*LOST, ExecutorTaken):
                return await self.enter()
            await asyncio.sleep(0.2)


class Reaper:
    """Gives the work of dead workers back; every worker runs one."""

    def __init__(
        self,
        *,
        dsn: str,
        executor: str,
        working: Callable[[], Awaitable[set[str]]],
        release: Callable[[str], Awaitable[int]],
        frozen_seconds: float = 60.0,
    ) -> None:
        self._dsn, self._executor = dsn, executor
        self._working, self._release = working, release
        self._frozen_seconds = frozen_seconds
        self._absent: set[str] = set()

    async def run(self, *, every_seconds: float = 2.0) -> None:
        """Look for dead workers until cancelled."""
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await self.look()
            except Exception as failure:  # noqa: BLE001 - a reaper outlives whatever happens to it, and says so
                _log.warning("looking for dead workers failed and goes on", error=str(failure))

    async def look(self) -> None:
        """Give back the work of those who were dead in this look and in the one before.

        Once is not enough: after a restart of the database everybody's lock is free for a moment.
        """
        others = await self._working() - {self._executor}
        if not others:
            self._absent = set()
            return
        connection = await asyncpg.connect(self._dsn, timeout=5)
        try:
            self._absent = {one for one in others if await self._examine(connection, one)}
        finally:
            await connection.close(timeout=5)

    async def _examine(self, connection: asyncpg.Connection, other: str) -> bool:
        """Whether it is dead; if it was so before, its work is given back under the proof of its death."""
        if not await advisory.try_lock(connection, kind=_KIND, name=other):
            await self._end_if_frozen(connection, other)
            return False
        try:
            if other in self._absent:
                released = await self._release(other)
                _log.warning("worker died, its work goes to others", executor=other, workflows=released)
        finally:
            await advisory.unlock(connection, kind=_KIND, name=other)
        return True

    async def _end_if_frozen(self, connection: asyncpg.Connection, other: str) -> None:
        if await advisory.end_silent_holder(connection, kind=_KIND, name=other, seconds=self._frozen_seconds):
            _log.warning("worker is frozen, its connection is ended", executor=other)
