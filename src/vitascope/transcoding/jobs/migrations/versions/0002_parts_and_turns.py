"""Parts of films that any worker encodes, and whose turn it is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from vitascope.foundation.db.migrations import protect
from vitascope.foundation.db.tables import TENANT_SETTING

revision = "0002"
down_revision = "0001"

_SCHEMA = "transcoding_jobs"
_TENANT = sa.text(f"nullif(current_setting('{TENANT_SETTING}', true), '')::uuid")


def upgrade() -> None:
    op.add_column(
        "jobs",
        sa.Column("priority", sa.SmallInteger(), nullable=False, server_default="1"),
        schema=_SCHEMA,
    )
    op.alter_column("jobs", "priority", server_default=None, schema=_SCHEMA)
    _create_encodings()
    _create_parts()
    op.create_table(
        "shares",
        sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False),
        sa.Column("finish", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_shares")),
        schema=_SCHEMA,
    )
    op.create_table(
        "clock",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("now", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_clock")),
        schema=_SCHEMA,
    )
    op.execute("INSERT INTO transcoding_jobs.clock (name, now) VALUES ('parts', 0)")
    protect("transcoding_jobs.encodings", "transcoding_jobs.parts", "transcoding_jobs.shares")


def _create_encodings() -> None:
    op.create_table(
        "encodings",
        sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False),
        sa.Column("job", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("plan", JSONB(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=True),
        sa.Column("finished", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "job"],
            ["transcoding_jobs.jobs.tenant_id", "transcoding_jobs.jobs.id"],
            name=op.f("fk_encodings_tenant_id_job"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "job", "attempt", name=op.f("pk_encodings")),
        schema=_SCHEMA,
    )


def _create_parts() -> None:
    op.create_table(
        "parts",
        sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False),
        sa.Column("job", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=True),
        sa.Column("rungs", ARRAY(sa.Text()), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("cost", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("frames_done", sa.Integer(), nullable=False),
        sa.Column("cpu_seconds", sa.Double(), nullable=False),
        sa.Column("bytes", JSONB(), nullable=False),
        sa.Column("problem", JSONB(), nullable=True),
        sa.CheckConstraint(
            "(worker IS NOT NULL) = (state IN ('running', 'stopping'))",
            name=op.f("ck_parts_held_parts_have_a_worker"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "job", "attempt"],
            [
                "transcoding_jobs.encodings.tenant_id",
                "transcoding_jobs.encodings.job",
                "transcoding_jobs.encodings.attempt",
            ],
            name=op.f("fk_parts_tenant_id_job_attempt"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "job", "attempt", "number", name=op.f("pk_parts")),
        schema=_SCHEMA,
    )
    op.create_index(
        "ix_parts_waiting",
        "parts",
        ["tenant_id", "priority", "job", "attempt", "number"],
        schema=_SCHEMA,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_parts_held",
        "parts",
        ["worker"],
        schema=_SCHEMA,
        postgresql_where=sa.text("state IN ('running', 'stopping')"),
    )
    # As for jobs: the number of frames changes twice a second, and no index holds it.
    op.execute("ALTER TABLE transcoding_jobs.parts SET (fillfactor = 70)")
