"""Leases."""

import sqlalchemy as sa
from alembic import op

from vitascope.foundation.db.migrations import create_schema

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_schema("locks")
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
        schema="locks",
    )
