"""The tables of the schema `transcoding_jobs`."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from vitascope.foundation.context import AccountId
from vitascope.foundation.db.tables import IdType, Instant, Schema
from vitascope.transcoding.jobs.contracts import JobId

schema = Schema("transcoding_jobs")

_ACTIVE = text("state IN ('pending', 'processing')")

# `key` is what the submitter calls the job, so that asking twice gives one. `staged` are the prefixes
# into which attempts have written: all but `output` are rubbish once the job is final. `progress` and
# `stage` change twice a second while a worker runs: no index holds them, so such a change is cheap.
jobs = schema.tenant_table(
    "jobs",
    Column("id", IdType(JobId), primary_key=True),
    Column("key", Text, nullable=False),
    Column("owner", IdType(AccountId)),
    Column("source", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("stage", Text),
    Column("progress", Double, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("duration", Double),
    Column("renditions", JSONB, nullable=False),
    Column("warnings", JSONB, nullable=False),
    Column("seconds", JSONB, nullable=False),
    Column("cpu_seconds", JSONB, nullable=False),
    Column("problem", JSONB(none_as_null=True)),
    Column("output", Text),
    Column("staged", ARRAY(Text), nullable=False),
    UniqueConstraint("tenant_id", "key", name="uq_jobs_key"),
    CheckConstraint("(state = 'completed') = (output IS NOT NULL)", name="completed_has_output"),
    CheckConstraint("(state = 'failed') = (problem IS NOT NULL)", name="failed_has_problem"),
    Index(None, "tenant_id", "owner", "id"),
    Index("ix_jobs_active", "tenant_id", postgresql_where=_ACTIVE),
)

# Which state a job came to when: in one attempt it comes to each at most once.
history = schema.tenant_table(
    "history",
    Column("job", IdType(JobId), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("state", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("account", IdType(AccountId)),
    Column("reason", Text),
    ForeignKeyConstraint(
        ["tenant_id", "job"], ["transcoding_jobs.jobs.tenant_id", "transcoding_jobs.jobs.id"]
    ),
)
