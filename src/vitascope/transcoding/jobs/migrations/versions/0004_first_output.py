"""Where a film plays from while it is being encoded."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("first_output", sa.Text(), nullable=True), schema="transcoding_jobs")
