"""Events, from a committed change to a committed consumer: how many a second, and how soon when idle.

Writers, relay and consumer are three processes, as in a platform; the consumer counts events per
subject in a table, in the transaction that moves its cursor. The limit beside the throughput is the same
rows inserted with COPY by one connection, in one transaction, without order, relay or consumer.
"""

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Iterator, Sequence
from multiprocessing.context import SpawnProcess
from uuid import uuid4

import asyncpg
from benchmarks.figure import RUNS, Figure, Target
from sqlalchemy import text

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.db.batching import EventBatcher
from vitascope.foundation.db.bootstrap import bootstrap
from vitascope.foundation.db.database import Database, Transaction
from vitascope.foundation.db.migrations import upgrade
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.events.handlers import BoundHandler, on_batch
from vitascope.foundation.events.hints import Hints
from vitascope.foundation.events.relay import Relay
from vitascope.foundation.events.subscriptions import Subscription
from vitascope.foundation.events.types import event
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.testing.postgres import private_server
from vitascope.runtime.registry import histories

_EVENTS = 20_000
_CALLERS = 500
_SUBJECTS = 1_000
_IDLE_PROBES = 200
_TABLE = """
CREATE SCHEMA bench; GRANT USAGE ON SCHEMA bench TO vitascope_app, vitascope_system;
CREATE TABLE bench.counts (second int PRIMARY KEY, heard int NOT NULL, at timestamptz NOT NULL);
CREATE TABLE bench.copied (
    event_id uuid, tenant_id uuid, type text, subject text, data jsonb, time timestamptz);
"""
_HEARD = "SELECT heard FROM bench.counts WHERE second = $1"
_COUNT = text(
    "INSERT INTO bench.counts VALUES (:second, :heard, clock_timestamp())"
    " ON CONFLICT (second) DO UPDATE SET heard = counts.heard + excluded.heard, at = excluded.at"
)


@event("bench.beacon_sent", version=1)
class BeaconSent:
    """What a player reports."""

    viewer: str
    second: int
    bitrate: int = 5_000_000
    stalled: bool = False


@on_batch(BeaconSent)
async def _count(tx: Transaction, beacons: Sequence[BeaconSent]) -> None:
    await tx.execute(_COUNT, {"second": beacons[0].second, "heard": len(beacons)})


def figures() -> Iterator[Figure]:
    """Throughput and idle latency."""
    with private_server(durable=True) as server:
        endpoint = bootstrap(server.start())
        upgrade(endpoint.dsn(Role.OWNER, driver="+psycopg"), histories(()))
        asyncio.run(_prepare(endpoint))
        context = multiprocessing.get_context("spawn")
        others = [context.Process(target=run, args=(endpoint,), daemon=True) for run in (_relay, _consumer)]
        for other in others:
            other.start()
        try:
            yield from asyncio.run(_measure(endpoint))
        finally:
            _end(others)


async def _measure(endpoint: Endpoint) -> list[Figure]:
    owner = await asyncpg.connect(endpoint.dsn(Role.OWNER))
    version = await owner.fetchval("SHOW server_version")
    await _send(endpoint, owner, second=0, count=100)  # everything is connected and warm
    rates, limits = [], []
    for run in range(1, RUNS + 1):
        rates.append(await _send(endpoint, owner, second=run, count=_EVENTS))
        limits.append(await _copy(owner))
    latencies = await _latencies(endpoint, owner)
    await owner.close()
    versions = {"postgresql": version, "asyncpg": asyncpg.__version__}
    return [
        Figure(
            name="events.throughput",
            value=statistics.median(rates),
            unit="events/s",
            against="COPY of the same rows by one connection",
            against_value=statistics.median(limits),
            target=Target("value", ">=", 5000),
            versions=versions,
        ),
        Figure(
            name="events.latency",
            value=statistics.quantiles(latencies, n=100)[98] * 1000,
            unit="ms (p99)",
            target=Target("value", "<=", 100),
            versions=versions,
        ),
    ]


async def _send(endpoint: Endpoint, owner: asyncpg.Connection, *, second: int, count: int) -> float:
    """Events a second: from the first call to the commit of the consumer's last effect."""
    hints = Hints(dsn=endpoint.dsn(Role.APP))
    telling = asyncio.create_task(hints.run())
    batcher = EventBatcher(
        dsn=endpoint.dsn(Role.SYSTEM), clock=SystemClock(), ids=RandomIds(), on_events=hints.committed
    )
    ctx = Context(tenant=RandomIds().new(TenantId))
    start = time.perf_counter()

    async def call(first: int) -> None:
        for number in range(first, count, _CALLERS):
            viewer = f"viewer {number % _SUBJECTS}"
            await batcher.send(ctx, BeaconSent(viewer=viewer, second=second), subject=viewer)

    await asyncio.gather(*(call(first) for first in range(_CALLERS)))
    while (await owner.fetchval(_HEARD, second) or 0) < count:  # noqa: ASYNC110 - another process counts
        await asyncio.sleep(0.005)
    taken = time.perf_counter() - start
    await batcher.close()
    telling.cancel()
    return count / taken


async def _copy(owner: asyncpg.Connection) -> float:
    """The limit: the same rows, as fast as one connection can write them."""
    ctx, now = uuid4(), SystemClock().now()
    data = '{"viewer": "viewer 17", "second": 1, "bitrate": 5000000, "stalled": false}'
    rows = [
        (uuid4(), ctx, "vitascope.bench.beacon_sent.v1", f"viewer {n % _SUBJECTS}", data, now)
        for n in range(_EVENTS)
    ]
    start = time.perf_counter()
    await owner.copy_records_to_table("copied", schema_name="bench", records=rows)
    return _EVENTS / (time.perf_counter() - start)


async def _latencies(endpoint: Endpoint, owner: asyncpg.Connection) -> list[float]:
    """Seconds from the call of an ordinary transaction's commit until the effect has committed."""
    hints = Hints(dsn=endpoint.dsn(Role.APP))
    telling = asyncio.create_task(hints.run())
    db = Database(endpoint, clock=SystemClock(), ids=RandomIds(), on_events=hints.committed)
    ctx, found = Context(tenant=RandomIds().new(TenantId)), []
    for probe in range(_IDLE_PROBES):
        second = 1000 + probe
        async with db.transaction(ctx) as tx:
            tx.emit(BeaconSent(viewer="one", second=second), subject="one")
            await tx.flush()
            start = time.perf_counter()
        while not await owner.fetchval(_HEARD, second):  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.0005)
        found.append(time.perf_counter() - start)
        await asyncio.sleep(0.02)
    await db.close()
    telling.cancel()
    return found


async def _prepare(endpoint: Endpoint) -> None:
    owner = await asyncpg.connect(endpoint.dsn(Role.OWNER))
    await owner.execute(_TABLE)
    await owner.close()


def _relay(endpoint: Endpoint) -> None:
    async def run() -> None:
        hints = Hints(dsn=endpoint.dsn(Role.APP))
        relay = Relay(dsn=endpoint.dsn(Role.SYSTEM), hint=hints.on_outbox())
        await asyncio.gather(hints.run(), relay.run())

    asyncio.run(run())


def _consumer(endpoint: Endpoint) -> None:
    async def run() -> None:
        hints, clock = Hints(dsn=endpoint.dsn(Role.APP)), SystemClock()
        db = Database(endpoint, clock=clock, ids=RandomIds(), size=2)
        handlers = [BoundHandler(_count)]
        consumer = Subscription(name="bench", handlers=handlers, db=db, hint=hints.on_log(), clock=clock)
        await asyncio.gather(hints.run(), consumer.run())

    asyncio.run(run())


def _end(processes: list[SpawnProcess]) -> None:
    for one in processes:
        one.terminate()
    for one in processes:
        one.join()
