"""The tables of the schema `identity_users`."""

from sqlalchemy import Column, Index, LargeBinary, Text, UniqueConstraint

from vitascope.foundation.context import AccountId
from vitascope.foundation.db.tables import IdType, Instant, Schema
from vitascope.foundation.ids import Id


class SignUpId(Id, prefix="sgn"):
    """A sign-up that waits for its link to be followed."""


schema = Schema("identity_users")

accounts = schema.tenant_table(
    "accounts",
    Column("id", IdType(AccountId), primary_key=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),  # what two spellings of one address have in common
    Column("name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("tenant_id", "email_key"),
)

# A password belongs to the sign-up whose link is followed: whoever signs up with a stranger's
# address gets nothing by it, not even when the stranger signs up later.
sign_ups = schema.tenant_table(
    "sign_ups",
    Column("id", IdType(SignUpId), primary_key=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    Column("expires_at", Instant, nullable=False),
    UniqueConstraint("tenant_id", "token_hash"),
    Index(None, "tenant_id", "email_key"),
    Index(None, "expires_at"),
)
