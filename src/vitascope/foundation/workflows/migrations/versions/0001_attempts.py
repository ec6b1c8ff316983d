"""How often each piece of durable work was begun."""

import sqlalchemy as sa
from alembic import op

from vitascope.foundation.db.migrations import create_schema

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_schema("workflows")
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("begun", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        schema="workflows",
    )
    op.create_index(op.f("ix_attempts_begun_at"), "attempts", ["begun_at"], schema="workflows")
