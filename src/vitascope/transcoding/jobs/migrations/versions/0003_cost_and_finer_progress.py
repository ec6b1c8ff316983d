"""What a job has cost, and how far each of its rungs is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"

_SCHEMA = "transcoding_jobs"


def upgrade() -> None:
    _add(sa.Column("stage_progress", sa.Double(), nullable=False, server_default="0"))
    _add(sa.Column("rung_progress", JSONB(), nullable=False, server_default="{}"))
    _add(sa.Column("seconds_left", sa.Double(), nullable=True))
    _add(sa.Column("cost", JSONB(), nullable=False, server_default="{}"))
    _add(sa.Column("checkpoints", sa.Boolean(), nullable=False, server_default="false"))
    for name in ("stage_progress", "rung_progress", "cost", "checkpoints"):
        op.alter_column("jobs", name, server_default=None, schema=_SCHEMA)
    op.create_index(
        "ix_jobs_checkpoints",
        "jobs",
        ["finished_at"],
        schema=_SCHEMA,
        postgresql_where=sa.text("checkpoints"),
    )


def _add(column: sa.Column[object]) -> None:
    op.add_column("jobs", column, schema=_SCHEMA)
