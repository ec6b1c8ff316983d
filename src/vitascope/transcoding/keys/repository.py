"""All SQL of the key service."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from vitascope.foundation.db.database import Reader, Transaction
from vitascope.transcoding.keys.models import content_keys

_FIELDS = (content_keys.c.label, content_keys.c.kid, content_keys.c.wrapped)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptKey:
    """A content key as it is kept."""

    label: str
    kid: UUID
    wrapped: bytes


async def of_set(reader: Reader, *, name: str) -> Sequence[KeptKey]:
    """All keys of a set, in the order of their labels."""
    rows = await reader.rows(
        select(*_FIELDS).where(content_keys.c.name == name).order_by(content_keys.c.label)
    )
    return [KeptKey(label=row.label, kid=row.kid, wrapped=row.wrapped) for row in rows]


async def of_ids(reader: Reader, *, name: str, kids: Sequence[UUID]) -> Sequence[KeptKey]:
    """The keys of a set that have these ids."""
    wanted = (content_keys.c.name == name, content_keys.c.kid.in_(kids))
    rows = await reader.rows(select(*_FIELDS).where(*wanted).order_by(content_keys.c.label))
    return [KeptKey(label=row.label, kid=row.kid, wrapped=row.wrapped) for row in rows]


async def add(tx: Transaction, *, name: str, keys: Sequence[KeptKey], at: datetime) -> None:
    """Keep the keys of those classes that have none yet."""
    rows = [
        {"name": name, "label": key.label, "kid": key.kid, "wrapped": key.wrapped, "created_at": at}
        for key in keys
    ]
    kept = ["tenant_id", "name", "label"]
    await tx.execute(insert(content_keys).values(rows).on_conflict_do_nothing(index_elements=kept))


async def remove(tx: Transaction, *, name: str) -> int:
    """Delete the keys of a set; returns how many."""
    return await tx.execute(delete(content_keys).where(content_keys.c.name == name))
