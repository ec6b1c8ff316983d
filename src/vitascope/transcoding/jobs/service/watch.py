"""Watching a stage while it runs: its progress goes to the row, and a cancel comes from it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import structlog

from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database
from vitascope.foundation.workflows.declaration import Run
from vitascope.transcoding.jobs.repository import jobs as repository
from vitascope.transcoding.jobs.service.progress import Meter
from vitascope.transcoding.jobs.service.work import Attempt
from vitascope.transcoding.pipeline.contracts import TranscodeCancelled

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class Stoppable(Protocol):
    """Something that runs in a thread; `stop` is set when it should end."""

    @property
    def stop(self) -> threading.Event:
        """What the thread looks at."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A stage that runs: `stop` is set when it should end, `lost` when this process may not go on."""

    meter: Meter
    stop: threading.Event = field(default_factory=threading.Event)
    lost: threading.Event = field(default_factory=threading.Event)

    def move(
        self, fraction: float, *, rungs: Mapping[str, float] | None = None, seconds_left: float | None = None
    ) -> None:
        """So much of the stage is done; raises TranscodeCancelled when it should end."""
        self.meter.move(fraction, rungs=rungs, seconds_left=seconds_left)
        if self.stop.is_set():
            raise TranscodeCancelled


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Watches the stages of one attempt."""

    db: Database
    run: Run
    attempt: Attempt
    seconds: float

    @asynccontextmanager
    async def over(self, stage: str) -> AsyncIterator[Watched]:
        """Watch what is done in the block; raises TranscodeCancelled if the attempt should not run or go on.

        Where another process has taken the work over, the block ends as if this one were stopped.
        """
        watched = Watched(meter=Meter(stage))
        if not await self._beat(watched.meter):
            raise TranscodeCancelled
        keeper = asyncio.create_task(self._keep(watched))
        try:
            yield watched
        except TranscodeCancelled:
            if watched.lost.is_set():
                raise asyncio.CancelledError from None
            raise
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    async def _keep(self, watched: Watched) -> None:
        while not watched.stop.is_set():
            await asyncio.sleep(self.seconds)
            try:
                if await self.run.cancelled():
                    watched.lost.set()
                if watched.lost.is_set() or not await self._beat(watched.meter):
                    watched.stop.set()
            except Exception as failure:  # noqa: BLE001 - the stage needs no database: it goes on without one
                _log.warning("progress cannot be told", job=self.attempt.job, error=str(failure))

    async def _beat(self, meter: Meter) -> bool:
        ctx: Context = self.run.ctx
        reading = meter.newest
        values = {
            "stage": reading.stage,
            "stage_progress": reading.stage_progress,
            "seconds_left": reading.seconds_left,
        }
        if reading.rungs:
            values["rung_progress"] = dict(reading.rungs)
        async with self.db.transaction(ctx) as tx:
            return await repository.beat(
                tx,
                job=self.attempt.job,
                attempt=self.attempt.number,
                progress=reading.progress,
                values=values,
            )


async def in_thread(watched: Stoppable, call: Callable[[], T]) -> T:
    """Run the call in a thread; when cancelled, have it stop its programs, and wait for their end."""
    thread = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        watched.stop.set()
        await asyncio.gather(thread, return_exceptions=True)
        raise
