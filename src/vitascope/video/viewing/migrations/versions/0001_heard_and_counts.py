"""Which reports were heard, and the counts."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from vitascope.foundation.db.migrations import create_schema, protect

revision = "0001"
down_revision = None

_TENANT = sa.text("nullif(current_setting('vitascope.tenant', true), '')::uuid")
_SCHEMA = "video_viewing"


def upgrade() -> None:
    create_schema(_SCHEMA)
    _table(
        "heard",
        "playback",
        sa.Column("highest", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_heard_at", "heard", ["at"], schema=_SCHEMA)
    _table(
        "started",
        "playback",
        sa.Column("title", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    _table("views", "title", sa.Column("views", sa.BigInteger(), nullable=False))
    _table(
        "watching",
        "playback",
        sa.Column("title", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_watching_title_at", "watching", ["tenant_id", "title", "at"], schema=_SCHEMA)
    op.create_index("ix_watching_at", "watching", ["at"], schema=_SCHEMA)
    protect(*(f"{_SCHEMA}.{table}" for table in ("heard", "started", "views", "watching")))


def _table(name: str, key: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False),
        sa.Column(key, sa.Uuid(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("tenant_id", key, name=op.f(f"pk_{name}")),
        schema=_SCHEMA,
    )
