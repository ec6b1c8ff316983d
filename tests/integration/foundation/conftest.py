from collections.abc import AsyncIterator

import pytest

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.db.database import Database
from vitascope.foundation.db.server.endpoint import Endpoint
from vitascope.foundation.ids import RandomIds


@pytest.fixture(name="db")
async def _db(endpoint: Endpoint) -> AsyncIterator[Database]:
    made = Database(endpoint, clock=SystemClock(), ids=RandomIds())
    yield made
    await made.close()


@pytest.fixture(name="ctx")
def _ctx(tenant: TenantId) -> Context:
    return Context(tenant=tenant)
