"""Jobs as they change, for all who watch in this process, at the price of one statement per tick."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import AccountId
from vitascope.foundation.db.database import Database
from vitascope.foundation.errors import VitascopeError
from vitascope.transcoding.jobs.contracts import Job, JobId
from vitascope.transcoding.jobs.repository import jobs as repository

TICK_SECONDS = 0.5
QUIET_SECONDS = 15.0
_RECENT = timedelta(seconds=30)  # so that nobody misses the end of a job between two ticks

_log = structlog.get_logger(__name__)


@dataclass(eq=False)
class _Watcher:
    """One who watches one job, or all of an owner; `fresh` is what it has not been given yet."""

    job: JobId | None
    owner: AccountId | None
    seen: dict[JobId, Job] = field(default_factory=dict)
    fresh: dict[JobId, Job] = field(default_factory=dict)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            wanted = job.id == self.job or (self.owner is not None and job.owner == self.owner)
            if wanted and self.seen.get(job.id) != job:
                self.seen[job.id] = self.fresh[job.id] = job
                self.woken.set()

    def take(self) -> list[Job]:
        fresh, self.fresh = list(self.fresh.values()), {}
        self.woken.clear()
        return fresh


class JobFeed:
    """What is watched in this process; nothing is read that nobody watches."""

    def __init__(self, *, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._watchers: set[_Watcher] = set()
        self._task: asyncio.Task[None] | None = None

    async def watch(
        self, *, job: JobId | None = None, owner: AccountId | None = None
    ) -> AsyncGenerator[list[Job]]:
        """What has changed of a job, or of an owner's jobs; at first how they stand, now and then nothing.

        Who may see them is for the caller to know. Of a job that changes faster than it is taken, the
        states between are left out.
        """
        watcher = _Watcher(job=job, owner=owner)
        self._watchers.add(watcher)
        if self._task is None:
            self._task = asyncio.create_task(self._poll())
        try:
            while True:
                try:
                    async with asyncio.timeout(QUIET_SECONDS):
                        await watcher.woken.wait()
                except TimeoutError:
                    yield []
                else:
                    yield watcher.take()
        finally:
            self._leave(watcher)

    def _leave(self, watcher: _Watcher) -> None:
        self._watchers.discard(watcher)
        if not self._watchers and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _poll(self) -> None:
        while True:
            try:
                await self.tick()
            except VitascopeError as error:
                _log.warning("jobs cannot be watched", problem=error.kind, detail=error.detail)
            except Exception:  # noqa: BLE001 - whatever it was, those who watch are told at the next tick
                _log.exception("jobs could not be watched")
            await asyncio.sleep(TICK_SECONDS)

    async def tick(self) -> None:
        """Look once for all who watch."""
        ids = [one.job for one in self._watchers if one.job is not None]
        owners = [one.owner for one in self._watchers if one.owner is not None]
        async with self._db.system() as connection:
            found = await repository.watched(
                connection, ids=ids, owners=owners, since=self._clock.now() - _RECENT
            )
        for watcher in list(self._watchers):
            watcher.offer(found)
