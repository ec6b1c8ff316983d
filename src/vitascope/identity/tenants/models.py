"""The tables of the schema `identity_tenants`."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB

from vitascope.foundation.context import AccountId
from vitascope.foundation.db.tables import IdType, Instant, Schema
from vitascope.identity.tenants.contracts import AuditEntryId

schema = Schema("identity_tenants")

# A tenant's own row is one of its rows: `tenant_id` is its id and the whole key.
tenants = schema.tenant_table(
    "tenants",
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("settings", JSONB, nullable=False),
    Column("is_default", Boolean, nullable=False, server_default=text("false")),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("slug"),
    Index("uq_tenants_is_default", "is_default", unique=True, postgresql_where=text("is_default")),
)

hosts = schema.tenant_table(
    "hosts",
    Column("host", Text, primary_key=True),
    UniqueConstraint("host"),
)

quotas = schema.tenant_table(
    "quotas",
    Column("quota", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

audit = schema.tenant_table(
    "audit",
    Column("id", IdType(AuditEntryId), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("account", IdType(AccountId)),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
)
