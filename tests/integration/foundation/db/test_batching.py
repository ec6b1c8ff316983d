import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.db.batching import EventBatcher
from vitascope.foundation.db.database import DatabaseUnavailable
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.events.types import event
from vitascope.foundation.ids import RandomIds


@event("test.beacon_sent", version=1)
class BeaconSent:
    second: int


@pytest.fixture(name="system")
async def _system(endpoint: Endpoint) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(endpoint.dsn(Role.SYSTEM))
    yield connection
    await connection.close()


def _batcher(dsn: str, hints: list[int]) -> EventBatcher:
    return EventBatcher(dsn=dsn, clock=SystemClock(), ids=RandomIds(), on_events=lambda: hints.append(1))


class TestEventBatcher:
    async def test_events_of_many_tenants_are_sent_in_few_commits(
        self, endpoint: Endpoint, system: Any
    ) -> None:
        """Five hundred events of two tenants at once are committed, each in its own tenant's name."""
        hints: list[int] = []
        batcher = _batcher(endpoint.dsn(Role.SYSTEM), hints)
        tenants = [Context(tenant=RandomIds().new(TenantId)) for _ in range(2)]

        await asyncio.gather(
            *(batcher.send(tenants[n % 2], BeaconSent(second=n), subject="viewer") for n in range(500))
        )
        await batcher.close()

        rows = await system.fetch(
            "SELECT tenant_id, data->>'second' AS second FROM events.outbox ORDER BY id"
        )
        assert [(row["tenant_id"], int(row["second"])) for row in rows] == [
            (tenants[n % 2].tenant.uuid, n) for n in range(500)
        ]
        assert len(hints) <= 5

    async def test_lost_connection_is_told_and_made_anew(
        self, endpoint: Endpoint, system: Any, ctx: Context
    ) -> None:
        """Whoever waits while the connection is lost gets an error; the next caller is served."""
        batcher = _batcher(endpoint.dsn(Role.SYSTEM), [])
        await batcher.send(ctx, BeaconSent(second=1), subject="viewer")
        await system.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND usename = current_user AND datname = current_database()"
        )

        failures = []
        try:
            await batcher.send(ctx, BeaconSent(second=2), subject="viewer")
        except DatabaseUnavailable as failure:
            failures.append(failure)
        await batcher.send(ctx, BeaconSent(second=3), subject="viewer")
        await batcher.close()

        rows = await system.fetch("SELECT data->>'second' AS second FROM events.outbox ORDER BY id")
        sent = [int(row["second"]) for row in rows]
        assert sent == ([1, 3] if failures else [1, 2, 3])
