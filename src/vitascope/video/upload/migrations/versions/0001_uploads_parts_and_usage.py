"""Uploads, their parts, and what each tenant uses of its quotas."""

import sqlalchemy as sa
from alembic import op

from vitascope.foundation.db.migrations import create_schema, protect
from vitascope.foundation.db.tables import TENANT_SETTING

revision = "0001"
down_revision = None

_TENANT = sa.text(f"nullif(current_setting('{TENANT_SETTING}', true), '')::uuid")


def upgrade() -> None:
    create_schema("video_upload")
    op.create_table(
        "uploads",
        sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("filetype", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("publish", sa.Boolean(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("concat", sa.Text(), nullable=True),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=True),
        sa.Column("writer", sa.Uuid(), nullable=True),
        sa.Column("writer_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "received >= 0 AND received <= coalesce(length, received)",
            name=op.f("ck_uploads_within_length"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_uploads")),
        schema="video_upload",
    )
    op.create_index(
        op.f("ix_uploads_tenant_id_owner_id"), "uploads", ["tenant_id", "owner", "id"], schema="video_upload"
    )
    op.create_index(
        "ix_uploads_unfinished",
        "uploads",
        ["expires_at"],
        schema="video_upload",
        postgresql_where=sa.text("state <> 'completed'"),
    )
    op.create_table(
        "parts",
        sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False),
        sa.Column("upload", sa.Uuid(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "upload"],
            ["video_upload.uploads.tenant_id", "video_upload.uploads.id"],
            name=op.f("fk_parts_tenant_id_upload"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "upload", "start", name=op.f("pk_parts")),
        schema="video_upload",
    )
    op.create_table(
        "usage",
        sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("unfinished", sa.Integer(), nullable=False),
        sa.CheckConstraint("bytes >= 0 AND unfinished >= 0", name=op.f("ck_usage_not_negative")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_usage")),
        schema="video_upload",
    )
    protect("video_upload.uploads", "video_upload.parts", "video_upload.usage")
