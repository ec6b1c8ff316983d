"""The tables of the schema `identity_auth`."""

from sqlalchemy import Column, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY

from vitascope.foundation.context import AccountId
from vitascope.foundation.db.tables import IdType, Instant, Schema
from vitascope.identity.auth.contracts import ApiKeyId, SessionId

schema = Schema("identity_auth")

families = schema.tenant_table(
    "families",
    Column("id", IdType(SessionId), primary_key=True),
    Column("account", IdType(AccountId), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),  # however often it is refreshed
    Column("revoked_at", Instant),
    Column("revoked_why", Text),
    Index(None, "expires_at"),
)

# A used token stays until its family ends: its second use is how a theft shows.
refresh_tokens = schema.tenant_table(
    "refresh_tokens",
    Column("hash", LargeBinary, primary_key=True),
    Column("family", IdType(SessionId), nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Index(None, "tenant_id", "family"),
)

api_keys = schema.tenant_table(
    "api_keys",
    Column("id", IdType(ApiKeyId), primary_key=True),
    Column("account", IdType(AccountId), nullable=False),
    Column("name", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("hint", Text, nullable=False),  # its last characters, by which its owner knows it
    Column("permissions", ARRAY(Text), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("last_used_at", Instant),
    Column("revoked_at", Instant),
    UniqueConstraint("tenant_id", "hash"),
    Index(None, "tenant_id", "account"),
)

# Tokens are signed by the platform, whoever's they are, so its keys have no tenant. The everyday
# role cannot read them, and the private part is wrapped with a key that is not in the database.
signing_keys = schema.table(
    "signing_keys",
    Column("kid", Text, primary_key=True),
    Column("public", LargeBinary, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("signs_from", Instant, nullable=False),
    Column("signs_until", Instant, nullable=False),
    Column("verifies_until", Instant, nullable=False),
)
