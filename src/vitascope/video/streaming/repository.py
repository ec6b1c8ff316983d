"""All SQL of streaming."""

from datetime import datetime

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from vitascope.foundation.context import AccountId
from vitascope.foundation.db.database import Transaction
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


async def forget(connection: AsyncConnection, *, expired_before: datetime) -> int:
    """Delete old sessions of all tenants; returns how many."""
    result = await connection.execute(delete(sessions).where(sessions.c.expires_at < expired_before))
    return result.rowcount
