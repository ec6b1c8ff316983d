import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.db.database import Database, Transaction
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.events import dead_letters
from vitascope.foundation.events.handlers import BoundHandler, Handler, on, on_batch
from vitascope.foundation.events.hints import Hint
from vitascope.foundation.events.relay import move
from vitascope.foundation.events.subscriptions import Subscription, rewind
from vitascope.foundation.events.types import event
from vitascope.foundation.ids import RandomIds


@event("test.reel_shown", version=1)
class ReelShown:
    reel: str
    minutes: int


@event("test.hall_swept", version=1)
class HallSwept:
    hall: str


class _Seen:
    """What handlers heard, outside any transaction."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.tenants: list[TenantId] = []
        self.calls = 0


Subscribe = Callable[..., Subscription]
Relay = Callable[[], Any]


@pytest.fixture(name="relay")
async def _relay(endpoint: Endpoint) -> AsyncIterator[Relay]:
    connection = await asyncpg.connect(endpoint.dsn(Role.SYSTEM))

    async def all_of_them() -> int:
        moved = 0
        while found := await move(connection):
            moved += found
        return moved

    yield all_of_them
    await connection.close()


@pytest.fixture(name="subscribe")
async def _subscribe(db: Database, endpoint: Endpoint) -> Subscribe:
    owner = await asyncpg.connect(endpoint.dsn(Role.OWNER))
    await owner.execute(
        "CREATE SCHEMA test; GRANT USAGE ON SCHEMA test TO vitascope_app;"
        "CREATE TABLE test.minutes (reel text PRIMARY KEY, total int NOT NULL)"
    )
    await owner.close()

    def subscribed(handler: Handler, *, name: str = "test") -> Subscription:
        return Subscription(
            name=name, handlers=[BoundHandler(handler)], db=db, hint=Hint(), clock=SystemClock()
        )

    return subscribed


@pytest.fixture(name="other")
def _other() -> Context:
    return Context(tenant=RandomIds().new(TenantId))


_ADD = text(
    "INSERT INTO test.minutes VALUES (:reel, :minutes)"
    " ON CONFLICT (reel) DO UPDATE SET total = minutes.total + excluded.total"
)


@on(ReelShown)
async def _count(tx: Transaction, shown: ReelShown) -> None:
    await tx.execute(_ADD, {"reel": shown.reel, "minutes": shown.minutes})
    if shown.minutes < 0:
        raise ValueError("time runs forward")


async def _emit(db: Database, ctx: Context, *events: ReelShown | HallSwept) -> None:
    async with db.transaction(ctx) as tx:
        for one in events:
            tx.emit(one, subject=one.reel if isinstance(one, ReelShown) else one.hall)


async def _rows(db: Database, statement: str) -> Sequence[tuple[Any, ...]]:
    async with db.system() as connection:
        return [tuple(row) for row in await connection.execute(text(statement))]


async def _minutes(db: Database, ctx: Context) -> dict[str, int]:
    async with db.read(ctx) as reader:
        return {row.reel: row.total for row in await reader.rows(text("SELECT * FROM test.minutes"))}


class TestEmit:
    async def test_commit_sends_in_order(self, db: Database, ctx: Context, relay: Relay) -> None:
        """Events of a transaction stand in the log in their order, counted per subject."""
        await _emit(
            db, ctx, ReelShown(reel="a", minutes=1), HallSwept(hall="b"), ReelShown(reel="a", minutes=2)
        )

        assert await relay() == 3

        found = await _rows(db, "SELECT type, subject, sequence FROM events.log ORDER BY position")
        assert found == [
            ("vitascope.test.reel_shown.v1", "a", 1),
            ("vitascope.test.hall_swept.v1", "b", 1),
            ("vitascope.test.reel_shown.v1", "a", 2),
        ]

    async def test_rollback_sends_nothing(self, db: Database, ctx: Context, relay: Relay) -> None:
        """Events of a transaction that fails are never heard of."""

        async def fail() -> None:
            async with db.transaction(ctx) as tx:
                tx.emit(HallSwept(hall="b"), subject="b")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await fail()

        assert await relay() == 0

    async def test_sequence_of_a_subject_has_no_gaps(self, db: Database, ctx: Context, relay: Relay) -> None:
        """However many write at once, and however often the relay runs, sequences count without a gap."""
        for _ in range(3):
            await asyncio.gather(
                *(_emit(db, ctx, ReelShown(reel=reel, minutes=1)) for reel in "ab" for _ in range(8))
            )
            await relay()

        found = await _rows(db, "SELECT subject, sequence FROM events.log ORDER BY subject, position")
        assert found == [(reel, number) for reel in "ab" for number in range(1, 25)]

    async def test_same_subject_of_two_tenants_counts_apart(
        self, db: Database, ctx: Context, other: Context, relay: Relay
    ) -> None:
        """A subject is a tenant's own: each counts from one."""
        await _emit(db, ctx, HallSwept(hall="b"))
        await _emit(db, other, HallSwept(hall="b"))

        await relay()

        assert await _rows(db, "SELECT sequence FROM events.log") == [(1,), (1,)]


class TestSubscription:
    async def test_effect_and_cursor_commit_together(
        self, db: Database, ctx: Context, relay: Relay, subscribe: Subscribe
    ) -> None:
        """A batch changes the projection and moves the cursor once; a second step finds nothing."""
        await _emit(db, ctx, ReelShown(reel="a", minutes=1), ReelShown(reel="a", minutes=2))
        await relay()
        consumer = subscribe(_count)

        steps = [await consumer.step(), await consumer.step()]

        assert steps == [True, False]
        assert await _minutes(db, ctx) == {"a": 3}

    async def test_two_processes_of_one_name_handle_once(
        self, db: Database, ctx: Context, relay: Relay, subscribe: Subscribe
    ) -> None:
        """Consumers of one name share a cursor: each event takes effect once."""
        for _ in range(10):
            await _emit(db, ctx, ReelShown(reel="a", minutes=1))
            await relay()
            await asyncio.gather(*(subscribe(_count).step() for _ in range(4)))

        assert await _minutes(db, ctx) == {"a": 10}

    async def test_handler_acts_for_the_tenant_of_each_event(
        self, db: Database, ctx: Context, other: Context, relay: Relay, subscribe: Subscribe
    ) -> None:
        """In a batch of several tenants, every event is handled in its own tenant's transaction."""
        seen = _Seen()

        @on(HallSwept)
        async def note(tx: Transaction, _swept: HallSwept) -> None:
            set_to = await tx.scalar(text("SELECT current_setting('vitascope.tenant')::uuid"))
            seen.tenants += [tx.ctx.tenant, TenantId.of(set_to)]

        for one in (ctx, other, ctx):
            await _emit(db, one, HallSwept(hall="b"))
        await relay()

        await subscribe(note).step()

        assert seen.tenants == [one.tenant for one in (ctx, ctx, other, other, ctx, ctx)]

    async def test_batched_handler_gets_runs(
        self, db: Database, ctx: Context, other: Context, relay: Relay, subscribe: Subscribe
    ) -> None:
        """A batched handler is called once for a run of events of one type and tenant."""
        seen = _Seen()

        @on_batch(HallSwept)
        async def note(tx: Transaction, swept: Sequence[HallSwept]) -> None:
            seen.calls += 1
            seen.events += swept

        await _emit(db, ctx, *(HallSwept(hall=str(number)) for number in range(5)))
        await _emit(db, other, HallSwept(hall="5"))
        await relay()

        await subscribe(note).step()

        assert seen.calls == 2
        assert seen.events == [HallSwept(hall=str(number)) for number in range(6)]

    async def test_event_of_a_handler_leaves_with_its_effect(
        self, db: Database, ctx: Context, relay: Relay, subscribe: Subscribe
    ) -> None:
        """What a handler emits is sent with the same commit, for the tenant of the event."""

        @on(ReelShown)
        async def sweep(tx: Transaction, shown: ReelShown) -> None:
            tx.emit(HallSwept(hall=shown.reel), subject=shown.reel)

        await _emit(db, ctx, ReelShown(reel="a", minutes=1))
        await relay()

        await subscribe(sweep).step()
        await relay()

        found = await _rows(db, "SELECT type, tenant_id, sequence FROM events.log ORDER BY position")
        assert found[1] == ("vitascope.test.hall_swept.v1", ctx.tenant.uuid, 2)

    async def test_rewound_projection_equals_the_live_one(
        self, db: Database, ctx: Context, relay: Relay, subscribe: Subscribe
    ) -> None:
        """A projection that is emptied and heard again from the start is what it was."""
        consumer = subscribe(_count)
        for number in range(20):
            await _emit(db, ctx, ReelShown(reel="abc"[number % 3], minutes=number))
            await relay()
            await consumer.step()
        live = await _minutes(db, ctx)

        async with db.transaction(ctx) as tx:
            await tx.execute(text("DELETE FROM test.minutes"))
        await rewind(db, name="test")
        while await consumer.step():
            pass

        assert await _minutes(db, ctx) == live


class TestDeadLetter:
    async def test_poison_is_put_aside_and_others_go_on(
        self, db: Database, ctx: Context, relay: Relay, subscribe: Subscribe
    ) -> None:
        """An event whose handler fails three times becomes a dead letter; its neighbours take effect."""
        await _emit(db, ctx, *(ReelShown(reel="a", minutes=minutes) for minutes in (1, -5, 2)))
        await relay()

        await subscribe(_count).step()

        (letter,) = await dead_letters.letters(db, ctx)
        assert (letter.subscription, letter.attempts) == ("test", 3)
        assert letter.error == "ValueError: time runs forward"
        assert await _minutes(db, ctx) == {"a": 3}

    async def test_replay_handles_once_more_and_forgets(
        self, db: Database, ctx: Context, relay: Relay, subscribe: Subscribe
    ) -> None:
        """A letter replayed with success takes effect and is gone; replayed again, there is none."""
        await _emit(db, ctx, ReelShown(reel="a", minutes=-5))
        await relay()
        await subscribe(_count).step()
        (letter,) = await dead_letters.letters(db, ctx)

        @on(ReelShown)
        async def mended(tx: Transaction, shown: ReelShown) -> None:
            await tx.execute(_ADD, {"reel": shown.reel, "minutes": abs(shown.minutes)})

        await dead_letters.replay(db, ctx, consumer=subscribe(mended), position=letter.position)

        assert await _minutes(db, ctx) == {"a": 5}
        assert await dead_letters.letters(db, ctx) == []
        with pytest.raises(dead_letters.NoSuchDeadLetter):
            await dead_letters.replay(db, ctx, consumer=subscribe(mended), position=letter.position)

    async def test_replay_that_fails_keeps_the_letter(
        self, db: Database, ctx: Context, relay: Relay, subscribe: Subscribe
    ) -> None:
        """A letter whose handler still fails stays, and nothing of the attempt remains."""
        await _emit(db, ctx, ReelShown(reel="a", minutes=-5))
        await relay()
        await subscribe(_count).step()
        (letter,) = await dead_letters.letters(db, ctx)

        with pytest.raises(ValueError, match="forward"):
            await dead_letters.replay(db, ctx, consumer=subscribe(_count), position=letter.position)

        assert await dead_letters.letters(db, ctx) == [letter]
        assert await _minutes(db, ctx) == {}

    async def test_drop_forgets(self, db: Database, ctx: Context, relay: Relay, subscribe: Subscribe) -> None:
        """A dropped letter is gone without an effect."""
        await _emit(db, ctx, ReelShown(reel="a", minutes=-5))
        await relay()
        await subscribe(_count).step()
        (letter,) = await dead_letters.letters(db, ctx)

        async with db.transaction(ctx) as tx:
            await dead_letters.drop(tx, subscription="test", position=letter.position)

        assert await dead_letters.letters(db, ctx) == []

    async def test_rewound_consumer_buries_again(
        self, db: Database, ctx: Context, relay: Relay, subscribe: Subscribe
    ) -> None:
        """A consumer that hears a poisonous event a second time puts it aside a second time."""
        await _emit(db, ctx, ReelShown(reel="a", minutes=-5))
        await relay()
        consumer = subscribe(_count)
        await consumer.step()

        await rewind(db, name="test")
        steps = [await consumer.step(), await consumer.step()]

        assert steps == [True, False]
        assert len(await dead_letters.letters(db, ctx)) == 1


class TestTenancy:
    async def test_tenant_sees_only_its_own(
        self, db: Database, ctx: Context, other: Context, relay: Relay, subscribe: Subscribe
    ) -> None:
        """Outbox, log and dead letters show a tenant nothing of another."""
        await _emit(db, ctx, ReelShown(reel="a", minutes=-5))
        await relay()
        await subscribe(_count).step()
        await _emit(db, ctx, HallSwept(hall="b"))

        async with db.read(other) as reader:
            counts = [
                await reader.scalar(text(f"SELECT count(*) FROM events.{table}"))  # noqa: S608 - constants
                for table in ("outbox", "log", "dead_letters")
            ]

        assert counts == [0, 0, 0]
        assert len(await dead_letters.letters(db, ctx)) == 1

    async def test_letter_of_another_tenant_is_not_found(
        self, db: Database, ctx: Context, other: Context, relay: Relay, subscribe: Subscribe
    ) -> None:
        """Another tenant's letter can be neither replayed nor dropped."""
        await _emit(db, ctx, ReelShown(reel="a", minutes=-5))
        await relay()
        consumer = subscribe(_count)
        await consumer.step()
        (letter,) = await dead_letters.letters(db, ctx)

        with pytest.raises(dead_letters.NoSuchDeadLetter):
            await dead_letters.replay(db, other, consumer=consumer, position=letter.position)

    async def test_event_of_another_tenant_cannot_be_forged(
        self, db: Database, ctx: Context, other: Context
    ) -> None:
        """The everyday role cannot write an event in another tenant's name, nor change the log."""
        forged = text(
            "INSERT INTO events.outbox (event_id, tenant_id, type, subject, data, time)"
            " VALUES (gen_random_uuid(), :tenant, 't', 's', '{}', now())"
        )

        async with db.transaction(ctx) as tx:
            with pytest.raises(DBAPIError, match="row-level security"):
                await tx.execute(forged, {"tenant": other.tenant.uuid})
        async with db.transaction(ctx) as tx:
            with pytest.raises(DBAPIError, match="permission denied"):
                await tx.execute(text("DELETE FROM events.log"))
