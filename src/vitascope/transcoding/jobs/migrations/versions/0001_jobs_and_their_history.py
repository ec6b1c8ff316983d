"""Jobs, and which state each came to when."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from vitascope.foundation.db.migrations import create_schema, protect
from vitascope.foundation.db.tables import TENANT_SETTING

revision = "0001"
down_revision = None

_TENANT = sa.text(f"nullif(current_setting('{TENANT_SETTING}', true), '')::uuid")


def upgrade() -> None:
    create_schema("transcoding_jobs")
    op.create_table(
        "jobs",
        sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("owner", sa.Uuid(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration", sa.Double(), nullable=True),
        sa.Column("renditions", JSONB(), nullable=False),
        sa.Column("warnings", JSONB(), nullable=False),
        sa.Column("seconds", JSONB(), nullable=False),
        sa.Column("cpu_seconds", JSONB(), nullable=False),
        sa.Column("problem", JSONB(), nullable=True),
        sa.Column("output", sa.Text(), nullable=True),
        sa.Column("staged", ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint(
            "(state = 'completed') = (output IS NOT NULL)", name=op.f("ck_jobs_completed_has_output")
        ),
        sa.CheckConstraint(
            "(state = 'failed') = (problem IS NOT NULL)", name=op.f("ck_jobs_failed_has_problem")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("uq_jobs_key")),
        schema="transcoding_jobs",
    )
    op.create_index(
        op.f("ix_jobs_tenant_id_owner_id"), "jobs", ["tenant_id", "owner", "id"], schema="transcoding_jobs"
    )
    op.create_index(
        "ix_jobs_active",
        "jobs",
        ["tenant_id"],
        schema="transcoding_jobs",
        postgresql_where=sa.text("state IN ('pending', 'processing')"),
    )
    # Room in each page for the next versions of the rows in it, which progress makes twice a second.
    op.execute("ALTER TABLE transcoding_jobs.jobs SET (fillfactor = 70)")
    op.create_table(
        "history",
        sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False),
        sa.Column("job", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "job"],
            ["transcoding_jobs.jobs.tenant_id", "transcoding_jobs.jobs.id"],
            name=op.f("fk_history_tenant_id_job"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "job", "attempt", "state", name=op.f("pk_history")),
        schema="transcoding_jobs",
    )
    protect("transcoding_jobs.jobs", "transcoding_jobs.history")
