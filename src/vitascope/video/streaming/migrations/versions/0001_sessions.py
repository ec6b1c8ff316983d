"""The playback sessions."""

import sqlalchemy as sa
from alembic import op

from vitascope.foundation.db.migrations import create_schema, protect

revision = "0001"
down_revision = None

_TENANT = sa.text("nullif(current_setting('vitascope.tenant', true), '')::uuid")


def upgrade() -> None:
    create_schema("video_streaming")
    op.create_table(
        "sessions",
        sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_sessions")),
        schema="video_streaming",
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"], schema="video_streaming")
    protect("video_streaming.sessions")
