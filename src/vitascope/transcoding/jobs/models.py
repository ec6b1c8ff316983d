"""The tables of the schema `transcoding_jobs`."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
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
_WAITING = text("state = 'waiting'")
_HELD = text("state IN ('running', 'stopping')")

# `key` is what the submitter calls the job, so that asking twice gives one. `staged` are the prefixes
# into which attempts have written: all but `output` are rubbish once the job is final, and `first_output`,
# from which the film played while it was encoded, when nobody can be watching that. `progress` and
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
    Column("priority", SmallInteger, nullable=False),
    Column("stage", Text),
    Column("progress", Double, nullable=False),
    Column("stage_progress", Double, nullable=False),
    Column("rung_progress", JSONB, nullable=False),
    Column("seconds_left", Double),
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
    Column("first_output", Text),
    Column("staged", ARRAY(Text), nullable=False),
    Column("cost", JSONB, nullable=False),
    Column("checkpoints", Boolean, nullable=False),
    UniqueConstraint("tenant_id", "key", name="uq_jobs_key"),
    CheckConstraint("(state = 'completed') = (output IS NOT NULL)", name="completed_has_output"),
    CheckConstraint("(state = 'failed') = (problem IS NOT NULL)", name="failed_has_problem"),
    Index(None, "tenant_id", "owner", "id"),
    Index("ix_jobs_active", "tenant_id", postgresql_where=_ACTIVE),
    Index("ix_jobs_checkpoints", "finished_at", postgresql_where=text("checkpoints")),
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

# What one attempt at a job encodes: `parts` is null while the film is still being cut. `finished` counts
# the parts that are done: the one that brings it to `parts`, and no other, has finished the encoding.
encodings = schema.tenant_table(
    "encodings",
    Column("job", IdType(JobId), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("plan", JSONB, nullable=False),
    Column("parts", Integer),
    Column("finished", Integer, nullable=False),
    ForeignKeyConstraint(
        ["tenant_id", "job"], ["transcoding_jobs.jobs.tenant_id", "transcoding_jobs.jobs.id"]
    ),
)

# Chunks of a film, or its sound: what one worker encodes at once. `cost` is what it is thought to take in
# CPU seconds, `deaths` how many workers died of it. `frames_done` changes twice a second while it runs.
parts = schema.tenant_table(
    "parts",
    Column("job", IdType(JobId), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("first", Integer, nullable=False),
    Column("frames", Integer),
    Column("rungs", ARRAY(Text), nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("cost", Double, nullable=False),
    Column("state", Text, nullable=False),
    Column("worker", Text),
    Column("deaths", Integer, nullable=False),
    Column("frames_done", Integer, nullable=False),
    Column("cpu_seconds", Double, nullable=False),
    Column("bytes", JSONB, nullable=False),
    Column("problem", JSONB(none_as_null=True)),
    ForeignKeyConstraint(
        ["tenant_id", "job", "attempt"],
        [
            "transcoding_jobs.encodings.tenant_id",
            "transcoding_jobs.encodings.job",
            "transcoding_jobs.encodings.attempt",
        ],
    ),
    CheckConstraint(
        "(worker IS NOT NULL) = (state IN ('running', 'stopping'))", name="held_parts_have_a_worker"
    ),
    Index("ix_parts_waiting", "tenant_id", "priority", "job", "attempt", "number", postgresql_where=_WAITING),
    Index("ix_parts_held", "worker", postgresql_where=_HELD),
)

# Whose turn it is: how much virtual time each tenant has used up.
shares = schema.tenant_table("shares", Column("finish", Double, nullable=False))

# The virtual time that it is now, one row. It belongs to nobody: it is what the tenants share.
clock = schema.table("clock", Column("name", Text, primary_key=True), Column("now", Double, nullable=False))
