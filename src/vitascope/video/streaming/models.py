"""The table of the schema `video_streaming`."""

from sqlalchemy import Column, Index

from vitascope.foundation.context import AccountId
from vitascope.foundation.db.tables import IdType, Instant, Schema
from vitascope.video.catalog.contracts import TitleId
from vitascope.video.streaming.contracts import PlaybackId

schema = Schema("video_streaming")

sessions = schema.tenant_table(
    "sessions",
    Column("id", IdType(PlaybackId), primary_key=True),
    Column("title", IdType(TitleId), nullable=False),
    Column("account", IdType(AccountId)),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Index("ix_sessions_expires_at", "expires_at"),
)
