"""The tables of the schema `video_viewing`."""

from sqlalchemy import BigInteger, Column, Index

from vitascope.foundation.db.tables import IdType, Instant, Schema
from vitascope.video.catalog.contracts import TitleId
from vitascope.video.streaming.contracts import PlaybackId

schema = Schema("video_viewing")

# Which of a playback's reports were heard: the highest number, and a bit for each of the 63 up to it.
heard = schema.tenant_table(
    "heard",
    Column("playback", IdType(PlaybackId), primary_key=True),
    Column("highest", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_heard_at", "at"),
)

# The projection: everything below is made of the event log and can be made again.
started = schema.tenant_table(
    "started",
    Column("playback", IdType(PlaybackId), primary_key=True),
    Column("title", IdType(TitleId), nullable=False),
    Column("at", Instant, nullable=False),
)

views = schema.tenant_table(
    "views",
    Column("title", IdType(TitleId), primary_key=True),
    Column("views", BigInteger, nullable=False),
)

watching = schema.tenant_table(
    "watching",
    Column("playback", IdType(PlaybackId), primary_key=True),
    Column("title", IdType(TitleId), nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_watching_title_at", "tenant_id", "title", "at"),
    Index("ix_watching_at", "at"),
)
