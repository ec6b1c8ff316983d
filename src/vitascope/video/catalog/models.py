"""The table of the schema `video_catalog`."""

from sqlalchemy import Boolean, Column, Float, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from vitascope.foundation.context import AccountId
from vitascope.foundation.db.tables import IdType, Instant, Schema
from vitascope.transcoding.jobs.contracts import JobId
from vitascope.video.catalog.contracts import TitleId
from vitascope.video.upload.contracts import UploadId

schema = Schema("video_catalog")

# `source` is the object key of the uploaded master, by which a job's events find their title: the
# job may have ended before its id was written here.
titles = schema.tenant_table(
    "titles",
    Column("id", IdType(TitleId), primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", ARRAY(Text), nullable=False),
    Column("people", JSONB, nullable=False),
    Column("visibility", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("publish_when_ready", Boolean, nullable=False),
    Column("published_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("owner", IdType(AccountId), nullable=False),
    Column("upload", IdType(UploadId), nullable=False),
    Column("source", Text, nullable=False),
    Column("job", IdType(JobId)),
    Column("output", Text),
    Column("duration", Float),
    Column("width", Integer),
    Column("height", Integer),
    Column("artwork", Text),
    Column("problem", JSONB),
    Column("version", Integer, nullable=False),
    UniqueConstraint("tenant_id", "upload"),
    UniqueConstraint("tenant_id", "source"),
    Index(
        "ix_titles_published",
        "tenant_id",
        "published_at",
        "id",
        postgresql_where=text("published_at IS NOT NULL"),
    ),
    Index("ix_titles_owner", "tenant_id", "owner", "id"),
)
