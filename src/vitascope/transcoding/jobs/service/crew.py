"""Encoding parts of films: every worker has a crew, which takes parts of whatever job is next."""

import asyncio
import contextlib
import os
import threading
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.errors import Unavailable
from vitascope.foundation.events.subscriptions import context_of
from vitascope.foundation.module import Platform
from vitascope.foundation.resilience.breaker import Breaker
from vitascope.foundation.workflows.executors import Presence, Reaper
from vitascope.transcoding.jobs.repository import parts as repository
from vitascope.transcoding.jobs.repository import turns
from vitascope.transcoding.jobs.repository.parts import Claimed, Key, Made, Part
from vitascope.transcoding.jobs.service.bells import Bells
from vitascope.transcoding.jobs.service.encoder import Encoder
from vitascope.transcoding.jobs.service.outcomes import Failure, PartGivenUp
from vitascope.transcoding.jobs.service.settings import JobsSettings
from vitascope.transcoding.pipeline.contracts import TranscodeCancelled

_IDLE_SECONDS = 0.25
_PAUSE_SECONDS = 1.0

_log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class Running:
    """A part that is encoded here now; `stop` is set when it should end."""

    claimed: Claimed
    stop: threading.Event = field(default_factory=threading.Event)
    frames: int = 0

    @property
    def key(self) -> Key:
        """Which part it is."""
        part = self.claimed.part
        return part.job, part.attempt, part.number


class Crew:
    """As many hands as the machine has cores, or as the settings say; `run()` goes on in each worker.

    It holds an advisory lock on its name. Whoever gets that lock has proof that it is dead, and gives
    its parts to the others.
    """

    def __init__(  # noqa: PLR0913 - a container fills them in
        self,
        *,
        db: Database,
        endpoint: Endpoint,
        platform: Platform,
        encoder: Encoder,
        bells: Bells,
        clock: Clock,
        settings: JobsSettings,
    ) -> None:
        self._db, self._dsn, self._encoder = db, endpoint.dsn(Role.SYSTEM), encoder
        self._bells, self._settings = bells, settings
        self._breaker = Breaker("The object store", clock=clock)
        # A worker that is started again is another: the parts of the one that died are not its own.
        self.name = f"{platform.executor}-{uuid.uuid4().hex[:8]}"
        self._running: dict[Key, Running] = {}

    async def run(self) -> None:
        """Encode whatever is next until cancelled; then give back what is not done."""
        presence = Presence(dsn=self._dsn, executor=f"crew {self.name}")
        lock = await presence.enter()
        hands = self._settings.hands or os.cpu_count() or 1
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(presence.hold(lock))
                group.create_task(self._reaper().run(every_seconds=self._settings.reap_seconds))
                group.create_task(self._tell())
                for _ in range(hands):
                    group.create_task(self._serve())
        finally:
            lock.terminate()  # where its keeper was stopped before it began
            await self._leave()

    async def _serve(self) -> None:
        """One pair of hands."""
        while True:
            claimed = await self._claim()
            if claimed is None:
                await self._bells.waiting.wait(_IDLE_SECONDS)
            else:
                await self._do(Running(claimed=claimed))

    async def _claim(self) -> Claimed | None:
        try:
            async with self._db.system() as connection:
                return await turns.claim(connection, worker=self.name)
        except Exception as failure:  # noqa: BLE001 - a crew outlives whatever happens to the database
            _log.warning("no part could be taken", error=str(failure))
            await asyncio.sleep(_PAUSE_SECONDS)
            return None

    async def _do(self, running: Running) -> None:
        """Encode a part, and say what became of it."""
        claimed = running.claimed
        try:
            made, frames = await self._encode(running)
        except TranscodeCancelled:
            await self._certainly(lambda: self._put_back(claimed.part))
        except Unavailable as failure:
            await self._certainly(lambda: self._put_back(claimed.part))
            await self._rest(failure)
        except Exception as failure:  # noqa: BLE001 - whatever it was, the part has failed and says why
            told = Failure.of(failure)
            await self._certainly(lambda: self._fail(claimed, told))
        else:
            await self._certainly(lambda: self._finish(claimed, made, frames))
        finally:
            self._bells.ended.give()

    async def _encode(self, running: Running) -> tuple[Made, int]:
        # Known as running only until it ends: once it is given back, another hand may take it.
        self._running[running.key] = running
        try:
            async with self._breaker.guard():
                return await self._encoder.encode(running.claimed, running)
        finally:
            del self._running[running.key]

    async def _finish(self, claimed: Claimed, made: Made, frames: int) -> None:
        part = claimed.part
        async with self._db.transaction(_context(claimed)) as tx:
            last = await repository.finish(tx, part=part, worker=self.name, made=made, frames=frames)
            if last is not None:
                await turns.settle(tx, thought=part.cost, took=made.cpu_seconds)

    async def _fail(self, claimed: Claimed, failure: Failure) -> None:
        async with self._db.transaction(_context(claimed)) as tx:
            await repository.fail(tx, part=claimed.part, worker=self.name, problem=failure.problem)

    async def _put_back(self, part: Part | None) -> None:
        async with self._db.system() as connection:
            await repository.put_back(connection, worker=self.name, only=part)

    async def _certainly(self, tell: Callable[[], Awaitable[None]]) -> None:
        """Tell the database, as often as it takes: what was encoded shall not be lost for a restart of it."""
        while True:
            try:
                await tell()
            except Unavailable as failure:
                _log.warning("the end of a part cannot be told yet", error=failure.detail)
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return

    async def _rest(self, failure: Unavailable) -> None:
        _log.warning("a part waits for what it needs", error=failure.detail)
        await asyncio.sleep(float(failure.extra.get("retry_after", _PAUSE_SECONDS)))

    async def _tell(self) -> None:
        """Now and then: how far all parts are, and which of them should end."""
        while True:
            await asyncio.sleep(self._settings.watch_seconds)
            try:
                await self._beat()
            except Exception as failure:  # noqa: BLE001 - the encoders need no database: they go on without
                _log.warning("progress of parts cannot be told", error=str(failure))

    async def _beat(self) -> None:
        told = {key: running.frames for key, running in self._running.items()}
        if not told:
            return
        async with self._db.system() as connection:
            wanted = await repository.beat(connection, worker=self.name, frames=told)
        for key in told.keys() - wanted:
            if key in self._running:
                self._running[key].stop.set()

    async def _leave(self) -> None:
        with contextlib.suppress(Exception):  # else they are given back when the lock is found to be free
            await self._put_back(None)

    def _reaper(self) -> Reaper:
        return Reaper(
            dsn=self._dsn, executor=f"crew {self.name}", working=self._working, release=self._release
        )

    async def _working(self) -> set[str]:
        async with self._db.system() as connection:
            return {f"crew {name}" for name in await repository.working(connection)}

    async def _release(self, worker: str) -> int:
        """Give the parts of a dead crew to all; one that has killed too many is not tried again."""
        given_up = PartGivenUp().problem()
        async with self._db.system() as connection:
            freed = await repository.bury(
                connection,
                worker=worker.removeprefix("crew "),
                most_deaths=self._settings.most_deaths,
                problem=given_up,
            )
        self._bells.waiting.give()
        return len(freed)


def _context(claimed: Claimed) -> Context:
    return context_of(tenant=claimed.tenant)
