"""The tables of the schema `video_upload`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    Uuid,
    text,
)

from vitascope.foundation.context import AccountId
from vitascope.foundation.db.tables import IdType, Instant, Schema
from vitascope.video.upload.contracts import UploadId

schema = Schema("video_upload")

# `writer` is the one request that may add bytes until `writer_until`; every addition names it.
uploads = schema.tenant_table(
    "uploads",
    Column("id", IdType(UploadId), primary_key=True),
    Column("owner", IdType(AccountId), nullable=False),
    Column("state", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("filetype", Text),
    Column("title", Text),
    Column("publish", Boolean, nullable=False),
    Column("metadata", Text),
    Column("concat", Text),
    Column("received", BigInteger, nullable=False),
    Column("length", BigInteger),
    Column("writer", Uuid),
    Column("writer_until", Instant),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("completed_at", Instant),
    CheckConstraint("received >= 0 AND received <= coalesce(length, received)", name="within_length"),
    Index(None, "tenant_id", "owner", "id"),
    Index("ix_uploads_unfinished", "expires_at", postgresql_where=text("state <> 'completed'")),
)

# Pieces of an upload, each one object: `start` is its place in the file.
parts = schema.tenant_table(
    "parts",
    Column("upload", IdType(UploadId), primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    ForeignKeyConstraint(
        ["tenant_id", "upload"], ["video_upload.uploads.tenant_id", "video_upload.uploads.id"]
    ),
)

# What a tenant uses of its quotas: one row, changed in the transaction of each change.
usage = schema.tenant_table(
    "usage",
    Column("bytes", BigInteger, nullable=False),
    Column("unfinished", Integer, nullable=False),
    CheckConstraint("bytes >= 0 AND unfinished >= 0", name="not_negative"),
)
