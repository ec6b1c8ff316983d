"""Every committed event takes effect exactly once in every consumer, whatever dies."""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

import asyncpg
import pytest

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.db.database import Database
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.events.types import event
from vitascope.foundation.ids import RandomIds

_PROGRAM = Path(__file__).with_name("pump.py")
_SOURCE = Path(__file__).parents[4] / "src"
_TABLE = """
CREATE SCHEMA test; GRANT USAGE ON SCHEMA test TO vitascope_app, vitascope_system;
CREATE TABLE test.heard (consumer text, number int)
"""


@event("chaos.number_drawn", version=1)
class NumberDrawn:
    number: int


class _Lottery:
    """Many writers at once, whose transactions overlap and sometimes roll back."""

    def __init__(self, endpoint: Endpoint, *, seed: int) -> None:
        self.db = Database(endpoint, clock=SystemClock(), ids=RandomIds(), size=8)
        self.committed: set[int] = set()
        self._chance = random.Random(seed)
        self._next = 0
        self._tenants = [Context(tenant=RandomIds().new(TenantId)) for _ in range(3)]

    async def draw(self, *, rounds: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(self._write(rounds))
        await self.db.close()

    async def _write(self, rounds: int) -> None:
        for _ in range(rounds):
            numbers = [self._number() for _ in range(self._chance.randint(1, 4))]
            with contextlib.suppress(_RolledBack):
                await self._transact(numbers)
                self.committed |= set(numbers)

    async def _transact(self, numbers: list[int]) -> None:
        async with self.db.transaction(self._chance.choice(self._tenants)) as tx:
            for number in numbers:
                tx.emit(NumberDrawn(number=number), subject=f"box {number % 5}")
            await tx.flush()  # the rows are there, with their identities, some time before the commit
            await asyncio.sleep(self._chance.uniform(0, 0.01))
            if self._chance.random() < 0.2:
                raise _RolledBack

    def _number(self) -> int:
        self._next += 1
        return self._next


class _RolledBack(Exception):
    """The writer changed its mind."""


Pump = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture(name="owner")
async def _owner(endpoint: Endpoint) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(endpoint.dsn(Role.OWNER))
    await connection.execute(_TABLE)
    yield connection
    await connection.close()


@pytest.fixture(name="pump")
async def _pump(endpoint: Endpoint, tmp_path: Path) -> AsyncIterator[Pump]:
    started: list[asyncio.subprocess.Process] = []

    async def start(*points: str, careless: bool = False) -> asyncio.subprocess.Process:
        orders = {"endpoint": asdict(endpoint), "points": points, "folder": str(tmp_path)}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            _PROGRAM,
            json.dumps({**orders, "careless": careless}),
            env={**os.environ, "PYTHONPATH": str(_SOURCE)},
            stdout=asyncio.subprocess.DEVNULL,
        )
        started.append(process)
        return process

    yield start
    for one in started:
        with contextlib.suppress(ProcessLookupError):
            one.kill()
        await one.wait()


async def _heard(
    owner: asyncpg.Connection, *, expected: int, seconds: float = 120
) -> Counter[tuple[str, int]]:
    """What the consumers heard, once it is as much as expected and a moment has passed, or time is up."""
    for _ in range(int(seconds / 0.1)):
        if await owner.fetchval("SELECT count(*) FROM test.heard") >= expected:
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    rows = await owner.fetch("SELECT consumer, number FROM test.heard")
    return Counter((row["consumer"], row["number"]) for row in rows)


def _assert_each_once(heard: Counter[tuple[str, int]], committed: set[int]) -> None:
    assert heard == {(consumer, number): 1 for consumer in ("one", "two") for number in committed}


class TestConcurrentWriters:
    @pytest.mark.parametrize("seed", [1896, 1926])
    async def test_each_consumer_hears_each_committed_event_once(
        self, endpoint: Endpoint, owner: asyncpg.Connection, pump: Pump, seed: int
    ) -> None:
        """Whatever the order of commits and rollbacks, each committed event is heard exactly once."""
        await pump()
        lottery = _Lottery(endpoint, seed=seed)

        await lottery.draw(rounds=40)

        heard = await _heard(owner, expected=2 * len(lottery.committed))
        _assert_each_once(heard, lottery.committed)
        gaps = await owner.fetchval(
            "SELECT count(*) FROM (SELECT max(sequence) <> count(*) AS gap FROM events.log"
            " GROUP BY tenant_id, subject) s WHERE gap"
        )
        assert gaps in {0, None}

    async def test_polling_by_identity_is_caught(self, endpoint: Endpoint, owner: asyncpg.Connection) -> None:
        """The planted bug: a consumer that polls the outbox by `id > last` misses events."""
        naive = await asyncpg.connect(endpoint.dsn(Role.SYSTEM))
        lottery = _Lottery(endpoint, seed=1896)
        drawing = asyncio.create_task(lottery.draw(rounds=40))
        heard: Counter[tuple[str, int]] = Counter()
        last, idle = 0, 0
        while idle < 3:
            rows = await naive.fetch(
                "SELECT id, (data->>'number')::int AS number FROM events.outbox WHERE id > $1 ORDER BY id",
                last,
            )
            for row in rows:
                last = row["id"]
                heard.update([("one", row["number"]), ("two", row["number"])])
            idle = idle + 1 if drawing.done() and not rows else 0
            await asyncio.sleep(0.001)
        await naive.close()

        with pytest.raises(AssertionError):
            _assert_each_once(heard, lottery.committed)


class TestKill:
    async def test_death_at_each_point_loses_and_doubles_nothing(
        self, endpoint: Endpoint, owner: asyncpg.Connection, pump: Pump
    ) -> None:
        """Killed after the relay's commit, in a handler, and after a consumer's commit: each event once."""
        points = ("moved", "handled", "committed")
        lottery = _Lottery(endpoint, seed=7)
        drawing = asyncio.create_task(lottery.draw(rounds=20))
        for _ in points:
            died = await pump(*points)
            assert await asyncio.wait_for(died.wait(), 120) == -signal.SIGKILL
        await pump(*points)
        await drawing

        heard = await _heard(owner, expected=2 * len(lottery.committed))
        _assert_each_once(heard, lottery.committed)

    async def test_cursor_before_effect_is_caught(
        self, endpoint: Endpoint, owner: asyncpg.Connection, pump: Pump
    ) -> None:
        """The planted bug: were the cursor moved in a transaction of its own, a death would lose events."""
        lottery = _Lottery(endpoint, seed=7)
        await lottery.draw(rounds=5)
        died = await pump("handled", careless=True)
        await asyncio.wait_for(died.wait(), 120)
        await pump(careless=True)

        heard = await _heard(owner, expected=2 * len(lottery.committed), seconds=4)
        with pytest.raises(AssertionError):
            _assert_each_once(heard, lottery.committed)
