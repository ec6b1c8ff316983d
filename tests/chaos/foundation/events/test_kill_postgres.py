import asyncio
import os
import signal
from collections import Counter
from collections.abc import Coroutine, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.db.bootstrap import bootstrap
from vitascope.foundation.db.database import Database, DatabaseUnavailable, Transaction
from vitascope.foundation.db.migrations import upgrade
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.db.server.supervisor import Server
from vitascope.foundation.events.handlers import BoundHandler, on
from vitascope.foundation.events.hints import Hints
from vitascope.foundation.events.relay import Relay
from vitascope.foundation.events.subscriptions import Subscription
from vitascope.foundation.events.types import event
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.testing.postgres import private_server
from vitascope.runtime.registry import histories

_KILLS = 2


@event("chaos.coin_tossed", version=1)
class CoinTossed:
    number: int


@on(CoinTossed)
async def _hear(tx: Transaction, tossed: CoinTossed) -> None:
    await tx.execute(text("INSERT INTO test.heard VALUES (:number)"), {"number": tossed.number})


@pytest.fixture(name="server")
def _server() -> Iterator[Server]:
    with private_server(durable=True) as server:
        yield server


def _prepare(server: Server) -> Endpoint:
    endpoint = bootstrap(server.start())
    upgrade(endpoint.dsn(Role.OWNER, driver="+psycopg"), histories(()))
    with psycopg.connect(endpoint.dsn(Role.OWNER)) as connection:
        connection.execute("CREATE SCHEMA test")
        connection.execute("GRANT USAGE ON SCHEMA test TO vitascope_app, vitascope_system")
        connection.execute("CREATE TABLE test.heard (number int)")
    return endpoint


def _kill_and_restart(server: Server) -> None:
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    server.start()


async def _toss(db: Database, acknowledged: set[int], stop: asyncio.Event) -> None:
    number, ctx = 0, Context(tenant=RandomIds().new(TenantId))
    while not stop.is_set():
        number += 1
        try:
            async with db.transaction(ctx) as tx:
                tx.emit(CoinTossed(number=number), subject="coin")
        except DatabaseUnavailable:
            await asyncio.sleep(0.05)
        else:
            acknowledged.add(number)


async def _heard(db: Database) -> Counter[int]:
    async with db.system() as connection:
        return Counter((await connection.execute(text("SELECT number FROM test.heard"))).scalars())


class TestKill:
    async def test_nothing_acknowledged_is_lost_or_doubled(self, server: Server) -> None:
        """PostgreSQL is killed again and again: all go on, and each acknowledged event is heard once."""
        endpoint = await asyncio.to_thread(_prepare, server)
        hints = Hints(dsn=endpoint.dsn(Role.APP))
        db = Database(endpoint, clock=SystemClock(), ids=RandomIds(), on_events=hints.committed)
        consumer = Subscription(
            name="coin", handlers=[BoundHandler(_hear)], db=db, hint=hints.on_log(), clock=SystemClock()
        )
        relay = Relay(dsn=endpoint.dsn(Role.SYSTEM), hint=hints.on_outbox())
        background: list[Coroutine[Any, Any, None]] = [hints.run(), relay.run(), consumer.run()]
        tasks = [asyncio.create_task(one) for one in background]
        acknowledged: set[int] = set()
        stop = asyncio.Event()
        tossing = asyncio.create_task(_toss(db, acknowledged, stop))

        for _ in range(_KILLS):
            await asyncio.sleep(1)
            await asyncio.to_thread(_kill_and_restart, server)
        await asyncio.sleep(1)
        stop.set()
        await tossing
        async with asyncio.timeout(120):
            while acknowledged - (await _heard(db)).keys():  # noqa: ASYNC110 - the consumer hears them
                await asyncio.sleep(0.2)
        heard = await _heard(db)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await db.close()

        assert acknowledged
        assert set(heard.values()) == {1}
