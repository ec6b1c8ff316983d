"""Live counts: one question to the database every second, for all who look, of whatever title."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping

import structlog

from vitascope.foundation.clock import Clock
from vitascope.foundation.db.database import Database
from vitascope.foundation.errors import Unavailable
from vitascope.video.catalog.contracts import TitleId
from vitascope.video.viewing import repository
from vitascope.video.viewing.contracts import ViewCount
from vitascope.video.viewing.service.counting import NOBODY, WATCHED_FOR

TICK_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class LiveViews:
    """Shows the counts of titles as they change; asks the database only while somebody looks."""

    def __init__(self, *, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._looked_at: Counter[TitleId] = Counter()
        self._counts: Mapping[TitleId, ViewCount] = {}
        self._ticked = asyncio.Condition()
        self._asking: asyncio.Task[None] | None = None

    async def watch(self, title: TitleId) -> AsyncGenerator[ViewCount | None, None]:
        """The title's count, then each change of it; None when a tick has brought none.

        Whether the one who looks may see the title is checked before.
        """
        self._looked_at[title] += 1
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        shown: ViewCount | None = None
        try:
            while True:
                async with self._ticked:
                    await self._ticked.wait()
                count = self._counts.get(title, NOBODY)
                yield None if count == shown else count
                shown = count
        finally:
            self._looked_at[title] -= 1
            if not self._looked_at[title]:
                del self._looked_at[title]

    async def _ask(self) -> None:
        while self._looked_at:
            try:
                await self._tick()
            except Unavailable as failure:
                _log.warning("live counts wait for the database", error=str(failure))
            except Exception:  # noqa: BLE001 - whatever it was, those who look are told at the next tick
                _log.exception("live counts were not asked for")
            await asyncio.sleep(TICK_SECONDS)

    async def _tick(self) -> None:
        titles, since = list(self._looked_at), self._clock.now() - WATCHED_FOR
        async with self._db.system() as connection:
            found = await repository.counts_of_all_tenants(connection, titles=titles, since=since)
        async with self._ticked:
            self._counts = found
            self._ticked.notify_all()
