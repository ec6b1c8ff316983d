"""The table of the schema `workflows`; the workflows themselves live in the engine's schema, `dbos`."""

from sqlalchemy import Boolean, Column, Integer, Text, func

from vitascope.foundation.db.tables import Instant, Schema

schema = Schema("workflows")

# Of the platform, not of tenants: it counts how often work was begun, so that work which kills its
# worker each time is given up after a few, whoever resumes it.
attempts = schema.table(
    "attempts",
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("begun", Integer, nullable=False),
    Column("failed", Boolean, nullable=False, server_default="false"),
    Column("begun_at", Instant, nullable=False, server_default=func.now(), index=True),
)
