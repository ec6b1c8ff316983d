"""The titles."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from vitascope.foundation.db.migrations import create_schema, protect

revision = "0001"
down_revision = None

_TENANT = sa.text("nullif(current_setting('vitascope.tenant', true), '')::uuid")


def upgrade() -> None:
    create_schema("video_catalog")
    op.create_table(
        "titles",
        sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("tags", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("people", postgresql.JSONB(), nullable=False),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("publish_when_ready", sa.Boolean(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner", sa.Uuid(), nullable=False),
        sa.Column("upload", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("job", sa.Uuid(), nullable=True),
        sa.Column("output", sa.Text(), nullable=True),
        sa.Column("duration", sa.Float(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("artwork", sa.Text(), nullable=True),
        sa.Column("problem", postgresql.JSONB(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_titles")),
        sa.UniqueConstraint("tenant_id", "upload", name=op.f("uq_titles_tenant_id_upload")),
        sa.UniqueConstraint("tenant_id", "source", name=op.f("uq_titles_tenant_id_source")),
        schema="video_catalog",
    )
    op.create_index(
        "ix_titles_published",
        "titles",
        ["tenant_id", "published_at", "id"],
        schema="video_catalog",
        postgresql_where=sa.text("published_at IS NOT NULL"),
    )
    op.create_index("ix_titles_owner", "titles", ["tenant_id", "owner", "id"], schema="video_catalog")
    protect("video_catalog.titles")
