"""The tables of the schema `events`."""

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB

from vitascope.foundation.context import TenantId
from vitascope.foundation.db.tables import IdType, Instant, Schema
from vitascope.foundation.events.types import EventId

schema = Schema("events")

# The tenant is not part of these keys: position and id are unique over all tenants, and the relay,
# which serves them all, orders by them alone.
outbox = schema.table(
    "outbox",
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("event_id", IdType(EventId), nullable=False),
    Column("tenant_id", IdType(TenantId), nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("trace", Text),
    Column("time", Instant, nullable=False),
)

log = schema.table(
    "log",
    Column("position", BigInteger, Identity(), primary_key=True),
    Column("event_id", IdType(EventId), nullable=False),
    Column("tenant_id", IdType(TenantId), nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("trace", Text),
    Column("time", Instant, nullable=False),
    UniqueConstraint("event_id"),
    UniqueConstraint("tenant_id", "subject", "sequence"),
    Index(None, "type", "position"),
)

# Cursors belong to the platform: one consumer serves all tenants in the log's order.
subscriptions = schema.table(
    "subscriptions",
    Column("name", Text, primary_key=True),
    Column("cursor", BigInteger, nullable=False, server_default="0"),
    Column("moved_at", Instant),
)

dead_letters = schema.table(
    "dead_letters",
    Column("subscription", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("event_id", IdType(EventId), nullable=False),
    Column("tenant_id", IdType(TenantId), nullable=False),
    Column("type", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failed_at", Instant, nullable=False),
)
