"""The counts: a projection of the reports.

A view counts once for a playback, when its first frame was shown. A playback is watched while its
last report is not older than 30 seconds and it has not ended.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database, Transaction
from vitascope.video.catalog.contracts import TitleId, Titles
from vitascope.video.viewing import repository
from vitascope.video.viewing.contracts import ViewCount
from vitascope.video.viewing.events import PlaybackEnded, PlaybackStarted, Report

WATCHED_FOR = timedelta(seconds=30)
NOBODY = ViewCount(views=0, watching=0)
_KEPT = timedelta(hours=1)
_HEARD_KEPT = timedelta(days=8)  # longer than any playback's token


class ViewService:
    """Implements `contracts.Views`, and keeps the projection."""

    def __init__(self, *, db: Database, clock: Clock, titles: Titles) -> None:
        self._db, self._clock, self._titles = db, clock, titles

    async def counts(self, ctx: Context, *, titles: Sequence[TitleId]) -> Mapping[TitleId, ViewCount]:
        """The counts of these titles, zeros for one that nobody has played."""
        async with self._db.read(ctx) as reader:
            found = await repository.counts(reader, titles=titles, since=self._clock.now() - WATCHED_FOR)
        return {title: found.get(title, NOBODY) for title in titles}

    async def count_of(self, ctx: Context, *, title: TitleId) -> ViewCount:
        """The count of a title that the principal may see; raises NoSuchTitle."""
        await self.require_visible(ctx, title=title)
        return (await self.counts(ctx, titles=[title]))[title]

    async def require_visible(self, ctx: Context, *, title: TitleId) -> None:
        """Raise NoSuchTitle unless the principal may see the title."""
        await self._titles.get(ctx, title=title)

    async def start(self, tx: Transaction, starts: Sequence[PlaybackStarted]) -> None:
        """Playbacks have begun."""
        await repository.count_views(tx, starts)
        await repository.note_watching(tx, starts)

    async def go_on(self, tx: Transaction, reports: Sequence[Report]) -> None:
        """Playbacks go on."""
        await repository.note_watching(tx, reports)

    async def end(self, tx: Transaction, ends: Sequence[PlaybackEnded]) -> None:
        """Playbacks are over."""
        await repository.note_left(tx, [one.playback for one in ends])

    async def forget(self) -> None:
        """Delete what no count needs any more."""
        now = self._clock.now()
        async with self._db.system() as connection:
            await repository.forget(connection, left_before=now - _KEPT, heard_before=now - _HEARD_KEPT)
