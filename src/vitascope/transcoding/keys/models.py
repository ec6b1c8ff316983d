"""The table of the schema `transcoding_keys`."""

from sqlalchemy import Column, LargeBinary, Text, UniqueConstraint, Uuid

from vitascope.foundation.db.tables import Instant, Schema

schema = Schema("transcoding_keys")

# `wrapped` is the key and its initialisation vector under a key that is not in the database.
content_keys = schema.tenant_table(
    "content_keys",
    Column("name", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("kid", Uuid, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("tenant_id", "kid"),
)
