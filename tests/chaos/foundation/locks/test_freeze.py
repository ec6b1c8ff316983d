import asyncio
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.locks.leases import Lease, LockHeld, Locks, guard

_PROGRAM = Path(__file__).with_name("holder.py")
_SOURCE = Path(__file__).parents[4] / "src"


async def _last_writer(endpoint: Endpoint, db: Database, ctx: Context, *, careless: bool) -> str:
    """Freeze a holder past its lease, write as the next one, let the first go on; tell who wrote last."""
    owner = await asyncpg.connect(endpoint.dsn(Role.OWNER))
    await owner.execute(
        "CREATE SCHEMA test; GRANT USAGE ON SCHEMA test TO vitascope_app;"
        "CREATE TABLE test.resource (writer text); INSERT INTO test.resource VALUES ('nobody')"
    )
    orders = {"endpoint": asdict(endpoint), "tenant": ctx.tenant, "careless": careless}
    holder = await asyncio.create_subprocess_exec(
        sys.executable,
        _PROGRAM,
        json.dumps(orders),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(_SOURCE)},
    )
    assert holder.stdout is not None
    await holder.stdout.readline()
    os.kill(holder.pid, signal.SIGSTOP)
    lease = await _take(Locks(db=db))
    async with db.transaction(ctx) as tx:
        await guard(tx, lease)
        await tx.execute(text("UPDATE test.resource SET writer = 'new'"))
    os.kill(holder.pid, signal.SIGCONT)
    await holder.communicate(b"go\n")
    writer: str = await owner.fetchval("SELECT writer FROM test.resource")
    await owner.close()
    return writer


async def _take(locks: Locks) -> Lease:
    while True:
        try:
            return await locks.take("resource", seconds=30)
        except LockHeld:
            await asyncio.sleep(0.1)


class TestFreeze:
    async def test_holder_frozen_past_its_lease_is_fenced(
        self, endpoint: Endpoint, db: Database, ctx: Context
    ) -> None:
        """A holder that was frozen while another took over writes nothing when it wakes."""
        assert await _last_writer(endpoint, db, ctx, careless=False) == "new"

    async def test_careless_holder_is_caught(self, endpoint: Endpoint, db: Database, ctx: Context) -> None:
        """The planted bug: a holder that trusts its lease without the guard overwrites its successor."""
        with pytest.raises(AssertionError):
            assert await _last_writer(endpoint, db, ctx, careless=True) == "new"
