"""The outbox, the log, the cursors and the dead letters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from vitascope.foundation.db.migrations import create_schema
from vitascope.foundation.db.tables import tenant_policy

revision = "0001"
down_revision = None

_TABLES = ("events.outbox", "events.log", "events.dead_letters")


def upgrade() -> None:
    create_schema("events")
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        *_attributes(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        schema="events",
    )
    op.create_table(
        "log",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        *_attributes(),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_log")),
        sa.UniqueConstraint("event_id", name=op.f("uq_log_event_id")),
        sa.UniqueConstraint(
            "tenant_id", "subject", "sequence", name=op.f("uq_log_tenant_id_subject_sequence")
        ),
        schema="events",
    )
    op.create_index(op.f("ix_log_type_position"), "log", ["type", "position"], schema="events")
    op.create_table(
        "subscriptions",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_subscriptions")),
        schema="events",
    )
    op.create_table(
        "dead_letters",
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subscription", "position", name=op.f("pk_dead_letters")),
        schema="events",
    )
    for table in _TABLES:
        for statement in tenant_policy(table):
            op.execute(statement)
    # the log is history: only the relay adds to it, and nobody changes it
    op.execute("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON events.log FROM vitascope_app")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON events.log FROM vitascope_system")


def _attributes() -> list[sa.Column[object]]:
    """What an event carries, in the outbox and in the log."""
    return [
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("trace", sa.Text(), nullable=True),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
    ]
