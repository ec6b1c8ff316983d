import asyncio

import pytest
from sqlalchemy import Column, Integer, Text, create_engine, insert, literal, select, table, text, update
from sqlalchemy.exc import DBAPIError, ProgrammingError

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.db.database import Database, DatabaseUnavailable, retried, sqlstate
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.db.tables import Schema, tenant_policy
from vitascope.foundation.errors import Conflict
from vitascope.foundation.ids import RandomIds

IDS = RandomIds()
schema = Schema("testing")
rows = schema.tenant_table(
    "rows",
    Column("name", Text, primary_key=True),
    Column("number", Integer, nullable=False, server_default="0"),
)


@pytest.fixture(autouse=True)
def table_with_tenants(endpoint: Endpoint) -> None:
    """A table as a service's migration makes it."""
    engine = create_engine(endpoint.dsn(Role.OWNER, driver="+psycopg"))
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA testing"))
        connection.execute(text("GRANT USAGE ON SCHEMA testing TO vitascope_app, vitascope_system"))
        schema.metadata.create_all(connection)
        for statement in tenant_policy("testing.rows"):
            connection.execute(text(statement))
    engine.dispose()


@pytest.fixture
def ada() -> Context:
    """Somebody of one tenant."""
    return Context(tenant=IDS.new(TenantId))


@pytest.fixture
def bob() -> Context:
    """Somebody of another."""
    return Context(tenant=IDS.new(TenantId))


async def names(db: Database, ctx: Context) -> list[str]:
    """What the context sees of the table."""
    async with db.read(ctx) as reader:
        return sorted(await reader.scalars(select(rows.c.name)))


class TestTenancy:
    async def test_rows_are_their_tenants(self, db: Database, ada: Context, bob: Context) -> None:
        """Rows get the transaction's tenant by themselves and are seen by no other."""
        for ctx, name in ((ada, "ada"), (bob, "bob")):
            async with db.transaction(ctx) as tx:
                await tx.execute(insert(rows).values(name=name))

        assert await names(db, ada) == ["ada"]
        assert await names(db, bob) == ["bob"]

    async def test_one_connection_serves_tenants_in_turn(
        self, endpoint: Endpoint, ada: Context, bob: Context
    ) -> None:
        """A connection that has read for one tenant shows nothing of it to the next."""
        db = Database(endpoint, clock=SystemClock(), ids=IDS, size=1)
        async with db.transaction(ada) as tx:
            await tx.execute(insert(rows).values(name="ada"))

        seen = [await names(db, ctx) for ctx in (ada, bob, ada, bob)]
        await db.close()

        assert seen == [["ada"], [], ["ada"], []]

    async def test_foreign_tenant_is_refused(self, db: Database, ada: Context, bob: Context) -> None:
        """A row cannot be written for another tenant, even by naming it."""
        with pytest.raises(ProgrammingError, match="row-level security"):
            async with db.transaction(ada) as tx:
                await tx.execute(insert(rows).values(tenant_id=bob.tenant, name="x"))

    async def test_no_tenant_sees_nothing(self, db: Database, ada: Context) -> None:
        """A statement that forgot its tenant sees no row at all."""
        async with db.transaction(ada) as tx:
            await tx.execute(insert(rows).values(name="ada"))

        async with db.engine.connect() as connection:
            await connection.execute(text("RESET ALL"))
            seen = (await connection.execute(select(rows))).all()

        assert seen == []

    async def test_update_of_foreign_rows_touches_none(
        self, db: Database, ada: Context, bob: Context
    ) -> None:
        """A change without a condition changes the own tenant's rows only."""
        for ctx in (ada, bob):
            async with db.transaction(ctx) as tx:
                await tx.execute(insert(rows).values(name="row"))

        async with db.transaction(ada) as tx:
            touched = await tx.execute(update(rows).values(number=1))

        assert touched == 1


class TestTransaction:
    async def test_error_rolls_back(self, db: Database, ada: Context) -> None:
        """What raised has changed nothing."""

        async def fail() -> None:
            async with db.transaction(ada) as tx:
                await tx.execute(insert(rows).values(name="ada"))
                raise Conflict

        with pytest.raises(Conflict):
            await fail()

        assert await names(db, ada) == []

    async def test_after_commit(self, db: Database, ada: Context) -> None:
        """A call that waits for the commit runs after it, and never after a roll-back."""
        called: list[str] = []

        async def fail() -> None:
            async with db.transaction(ada) as tx:
                tx.after_commit(lambda: called.append("rolled back"))
                raise Conflict

        async with db.transaction(ada) as tx:
            tx.after_commit(lambda: called.append("committed"))
        with pytest.raises(Conflict):
            await fail()

        assert called == ["committed"]

    async def test_cancelled_caller_leaves_all_or_nothing(self, db: Database, ada: Context) -> None:
        """Whenever its caller is cancelled, a transaction is there whole or not at all."""

        async def write() -> None:
            async with db.transaction(ada) as tx:
                for name in ("one", "two"):
                    await tx.execute(insert(rows).values(name=name))

        for turns in range(40):
            task = asyncio.create_task(write())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            seen = await names(db, ada)
            assert seen in ([], ["one", "two"])
            async with db.transaction(ada) as tx:
                await tx.execute(rows.delete())


class Counter:
    """A service whose method is one serialisable transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.attempts = 0

    @retried
    async def add(self, ctx: Context) -> None:
        """Read and then write: two at once cannot both be serialised."""
        self.attempts += 1
        async with self._db.transaction(ctx, serializable=True) as tx:
            found = await tx.scalar(select(rows.c.number))
            await asyncio.sleep(0.01)
            await tx.execute(update(rows).values(number=found + 1))


class TestRetried:
    async def test_whole_transaction_again(self, db: Database, ada: Context) -> None:
        """Concurrent read-then-write adds up, because the loser runs all of it again."""
        async with db.transaction(ada) as tx:
            await tx.execute(insert(rows).values(name="ada"))
        counter = Counter(db)

        await asyncio.gather(counter.add(ada), counter.add(ada), counter.add(ada))

        async with db.read(ada) as reader:
            assert await reader.scalar(select(rows.c.number)) == 3
        assert counter.attempts > 3

    async def test_planted_bug_is_seen(self, db: Database, ada: Context) -> None:
        """Without the retry the same three calls lose one: the test above can fail."""
        async with db.transaction(ada) as tx:
            await tx.execute(insert(rows).values(name="ada"))
        counter = Counter(db)
        once = Counter.add.__wrapped__  # type: ignore[attr-defined]  # the method without its retry

        answers = await asyncio.gather(*(once(counter, ada) for _ in range(3)), return_exceptions=True)

        failures = [answer for answer in answers if isinstance(answer, DBAPIError)]
        assert {sqlstate(failure) for failure in failures} == {"40001"}


class TestAvailability:
    async def test_busy_pool_is_told(
        self, endpoint: Endpoint, ada: Context, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A caller that finds no free connection in time is told to come again, not kept for ever."""
        db = Database(endpoint, clock=SystemClock(), ids=IDS, size=1)
        monkeypatch.setattr(db.engine.pool, "_timeout", 0.1)

        async with db.transaction(ada):
            with pytest.raises(DatabaseUnavailable):
                async with db.transaction(ada):
                    pass
        await db.close()

    async def test_unknown_table_is_no_outage(self, db: Database, ada: Context) -> None:
        """A mistake in a statement is not taken for a database that is away."""
        with pytest.raises(ProgrammingError):
            async with db.transaction(ada) as tx:
                await tx.scalar(select(literal(1)).select_from(table("nowhere")))
