"""A process that holds a lease, is frozen past its end, and then writes: its orders are in argv."""

import asyncio
import json
import sys

from sqlalchemy import text

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.db.database import Database
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.locks.leases import LeaseLost, Locks, guard


async def _hold() -> None:
    orders = json.loads(sys.argv[1])
    passwords = {Role(name): value for name, value in orders["endpoint"].pop("passwords").items()}
    endpoint = Endpoint(**orders["endpoint"], passwords=passwords)
    db = Database(endpoint, clock=SystemClock(), ids=RandomIds(), size=2)
    lease = await Locks(db=db).take("resource", seconds=1)
    sys.stdout.write("held\n")
    sys.stdout.flush()
    sys.stdin.readline()
    try:
        async with db.transaction(Context(tenant=TenantId(orders["tenant"]))) as tx:
            if not orders["careless"]:
                await guard(tx, lease)
            await tx.execute(text("UPDATE test.resource SET writer = 'old'"))
    except LeaseLost:
        sys.stdout.write("fenced\n")
    await db.close()


if __name__ == "__main__":
    asyncio.run(_hold())
