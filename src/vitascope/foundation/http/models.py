"""The table of the schema `http`."""

from sqlalchemy import Column, Integer, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from vitascope.foundation.db.tables import Instant, Schema

schema = Schema("http")

answers = schema.tenant_table(
    "answers",
    Column("account", Uuid, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("claimed_until", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("status", Integer),
    Column("headers", JSONB),
    Column("body", LargeBinary),
)
