"""Writing events beside the change that they tell of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vitascope.foundation.context import TenantId
from vitascope.foundation.encoding import to_json
from vitascope.foundation.events.types import EventId, type_name

_WRITE = text(
    """
    INSERT INTO events.outbox (event_id, tenant_id, type, subject, data, trace, time)
    SELECT * FROM unnest(
        cast(:ids AS uuid[]), cast(:tenants AS uuid[]), cast(:types AS text[]), cast(:subjects AS text[]),
        cast(:datas AS jsonb[]), cast(:traces AS text[]), cast(:times AS timestamptz[])
    )
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An event that waits for its transaction's end."""

    id: EventId
    event: object
    subject: str
    tenant: TenantId
    trace: str | None
    time: datetime


async def write(connection: AsyncConnection, outgoing: Sequence[Outgoing]) -> None:
    """Insert all in one statement, in their order."""
    await connection.execute(_WRITE, columns(outgoing))


def columns(outgoing: Sequence[Outgoing]) -> dict[str, list[Any]]:
    """The columns of the outbox, in the order of the statement's parameters."""
    return {
        "ids": [one.id.uuid for one in outgoing],
        "tenants": [one.tenant.uuid for one in outgoing],
        "types": [type_name(type(one.event)) for one in outgoing],
        "subjects": [one.subject for one in outgoing],
        "datas": [to_json(one.event).decode() for one in outgoing],
        "traces": [one.trace for one in outgoing],
        "times": [one.time for one in outgoing],
    }
