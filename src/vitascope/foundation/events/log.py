"""Reading the log."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from vitascope.foundation.context import TenantId
from vitascope.foundation.events.types import Envelope, EventId

_COLUMNS = "position, event_id, tenant_id, type, subject, sequence, data::text AS data, trace, time"
_READ = text(
    f"SELECT {_COLUMNS} FROM events.log"  # noqa: S608 - a constant
    " WHERE position > :after AND type = ANY(:types) ORDER BY position LIMIT :limit"
)
_ONE = text(f"SELECT {_COLUMNS} FROM events.log WHERE position = :position")  # noqa: S608 - a constant


async def read(
    connection: AsyncConnection, *, after: int, types: Sequence[str], limit: int
) -> Sequence[Envelope]:
    """The next events of these types, in the log's order; needs the platform's role to see all tenants."""
    rows = await connection.execute(_READ, {"after": after, "types": list(types), "limit": limit})
    return [_envelope(row) for row in rows]


async def at(connection: AsyncConnection, *, position: int) -> Envelope | None:
    """The event at a position."""
    row = (await connection.execute(_ONE, {"position": position})).first()
    return _envelope(row) if row is not None else None


def _envelope(row: Row[Any]) -> Envelope:
    return Envelope(
        id=EventId.of(row.event_id),
        type=row.type,
        subject=row.subject,
        tenant=TenantId.of(row.tenant_id),
        time=row.time,
        position=row.position,
        sequence=row.sequence,
        data=row.data.encode(),
        trace=row.trace,
    )
