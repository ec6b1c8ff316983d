"""All SQL of streaming."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitascope.foundation.context import AccountId
from vitascope.foundation.db.database import Reader, Transaction
from vitascope.video.catalog.contracts import TitleId
from vitascope.video.streaming.contracts import PlaybackId
from vitascope.video.streaming.models import sessions


async def add(
    tx: Transaction,
    *,
    playback: PlaybackId,
    title: TitleId,
    account: AccountId | None,
    at: datetime,
    until: datetime,
) -> None:
    """Keep a session."""
    values = {"id": playback, "title": title, "account": account, "created_at": at, "expires_at": until}
    await tx.execute(insert(sessions).values(values))


async def account_of(reader: Reader, *, playback: PlaybackId, title: TitleId) -> Row[Any] | None:
    """Whose session a playback of a title is, as one column; None if there is no such session."""
    wanted = (sessions.c.id == playback, sessions.c.title == title)
    return await reader.first(select(sessions.c.account).where(*wanted))


async def forget(connection: AsyncConnection, *, expired_before: datetime) -> int:
    """Delete old sessions of all tenants; returns how many."""
    result = await connection.execute(delete(sessions).where(sessions.c.expires_at < expired_before))
    return result.rowcount
