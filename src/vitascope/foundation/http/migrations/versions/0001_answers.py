"""Answers that are kept under their idempotency key."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from vitascope.foundation.db.migrations import create_schema, protect
from vitascope.foundation.db.tables import TENANT_SETTING

revision = "0001"
down_revision = None

_TENANT = sa.text(f"nullif(current_setting('{TENANT_SETTING}', true), '')::uuid")


def upgrade() -> None:
    create_schema("http")
    op.create_table(
        "answers",
        sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "account", "key", name=op.f("pk_answers")),
        schema="http",
    )
    op.create_index(op.f("ix_answers_expires_at"), "answers", ["expires_at"], schema="http")
    protect("http.answers")
