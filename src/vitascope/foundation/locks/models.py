"""The table of the schema `locks`."""

from sqlalchemy import BigInteger, Column, Text

from vitascope.foundation.db.tables import Instant, Schema

schema = Schema("locks")

# Of the platform: a name says whose thing it is where that matters. A row stays when its lease is
# given back, because its fence must grow.
leases = schema.table(
    "leases",
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("until", Instant, nullable=False),
)
