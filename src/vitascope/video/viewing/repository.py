"""All SQL of viewing. Lists go as arrays, so that the number of statements never depends on them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vitascope.foundation.db.database import Reader, Transaction
from vitascope.video.catalog.contracts import TitleId
from vitascope.video.streaming.contracts import PlaybackId
from vitascope.video.viewing.contracts import ViewCount
from vitascope.video.viewing.events import PlaybackStarted, Report

# makes the rows that are missing and locks them all, in one order, so that no two beacons wait in a circle
_LOCK = text(
    """
    INSERT INTO video_viewing.heard (playback, highest, seen, at)
    SELECT playback, 0, 0, :at FROM unnest(cast(:playbacks AS uuid[])) AS playback ORDER BY playback
    ON CONFLICT (tenant_id, playback) DO UPDATE SET at = excluded.at
    RETURNING playback, highest, seen
    """
)
_MOVE = text(
    """
    UPDATE video_viewing.heard AS kept SET highest = new.highest, seen = new.seen
    FROM unnest(cast(:playbacks AS uuid[]), cast(:highest AS bigint[]), cast(:seen AS bigint[]))
        AS new (playback, highest, seen)
    WHERE kept.playback = new.playback
    """
)
# a view counts once for a playback, however often its start is heard
_COUNT = text(
    """
    WITH fresh AS (
        INSERT INTO video_viewing.started (playback, title, at)
        SELECT * FROM unnest(
            cast(:playbacks AS uuid[]), cast(:titles AS uuid[]), cast(:ats AS timestamptz[])
        )
        ON CONFLICT DO NOTHING RETURNING title
    )
    INSERT INTO video_viewing.views AS kept (title, views)
    SELECT title, count(*) FROM fresh GROUP BY title ORDER BY title
    ON CONFLICT (tenant_id, title) DO UPDATE SET views = kept.views + excluded.views
    """
)
_NOTE = text(
    """
    INSERT INTO video_viewing.watching AS kept (playback, title, at)
    SELECT playback, title, max(at) FROM unnest(
        cast(:playbacks AS uuid[]), cast(:titles AS uuid[]), cast(:ats AS timestamptz[])
    ) AS new (playback, title, at) GROUP BY playback, title ORDER BY playback
    ON CONFLICT (tenant_id, playback) DO UPDATE SET at = greatest(kept.at, excluded.at)
    """
)
_LEAVE = text("DELETE FROM video_viewing.watching WHERE playback = ANY(:playbacks)")
_COUNTS = """
    SELECT title, coalesce(max(views), 0) AS views, coalesce(max(watching), 0) AS watching FROM (
        SELECT title, views, 0 AS watching FROM video_viewing.views WHERE title = ANY(:titles)
        UNION ALL
        SELECT title, 0, count(*) FROM video_viewing.watching
        WHERE title = ANY(:titles) AND at > :since GROUP BY title
    ) AS both_counts GROUP BY title
"""
_READ = text(_COUNTS)
_FORGET = text("DELETE FROM video_viewing.watching WHERE at < :before")
_FORGET_HEARD = text("DELETE FROM video_viewing.heard WHERE at < :before")


async def lock_windows(
    tx: Transaction, *, playbacks: Sequence[PlaybackId], at: datetime
) -> Mapping[PlaybackId, tuple[int, int]]:
    """The highest report heard of each playback and the bits of those up to it, locked until the end."""
    rows = await tx.rows(_LOCK, {"playbacks": [one.uuid for one in playbacks], "at": at})
    return {PlaybackId.of(row.playback): (row.highest, row.seen) for row in rows}


async def move_windows(tx: Transaction, windows: Mapping[PlaybackId, tuple[int, int]]) -> None:
    """Keep what was heard now."""
    values = {
        "playbacks": [one.uuid for one in windows],
        "highest": [highest for highest, _ in windows.values()],
        "seen": [seen for _, seen in windows.values()],
    }
    await tx.execute(_MOVE, values)


async def count_views(tx: Transaction, starts: Sequence[PlaybackStarted]) -> None:
    """Count the playbacks that start for the first time."""
    await tx.execute(_COUNT, _columns(starts))


async def note_watching(tx: Transaction, reports: Sequence[Report]) -> None:
    """These playbacks go on."""
    await tx.execute(_NOTE, _columns(reports))


async def note_left(tx: Transaction, playbacks: Sequence[PlaybackId]) -> None:
    """These playbacks are over."""
    await tx.execute(_LEAVE, {"playbacks": [one.uuid for one in playbacks]})


async def counts(
    reader: Reader, *, titles: Sequence[TitleId], since: datetime
) -> Mapping[TitleId, ViewCount]:
    """The counts of the titles that have any."""
    rows = await reader.rows(_READ, {"titles": [one.uuid for one in titles], "since": since})
    return {TitleId.of(row.title): ViewCount(views=row.views, watching=row.watching) for row in rows}


async def counts_of_all_tenants(
    connection: AsyncConnection, *, titles: Sequence[TitleId], since: datetime
) -> Mapping[TitleId, ViewCount]:
    """The same for titles of any tenants, whose viewers have been checked before."""
    rows = await connection.execute(_READ, {"titles": [one.uuid for one in titles], "since": since})
    return {TitleId.of(row.title): ViewCount(views=row.views, watching=row.watching) for row in rows}


async def forget(connection: AsyncConnection, *, left_before: datetime, heard_before: datetime) -> None:
    """Delete what tells nothing any more, of all tenants."""
    await connection.execute(_FORGET, {"before": left_before})
    await connection.execute(_FORGET_HEARD, {"before": heard_before})


def _columns(reports: Sequence[Report]) -> dict[str, list[UUID] | list[datetime]]:
    return {
        "playbacks": [one.playback.uuid for one in reports],
        "titles": [one.title.uuid for one in reports],
        "ats": [one.at for one in reports],
    }
