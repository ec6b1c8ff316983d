import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import JSON, Integer, bindparam, column, literal, select, table, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.db.database import Database, DatabaseUnavailable
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.db.tables import IdType
from vitascope.foundation.ids import RandomIds

IDS = RandomIds()
_WHOSE = text("SELECT current_setting('vitascope.tenant')")
_WHO = text("SELECT pg_backend_pid()")


@pytest.fixture
def ada() -> Context:
    """Somebody of one tenant."""
    return Context(tenant=IDS.new(TenantId))


@pytest.fixture
def bob() -> Context:
    """Somebody of another."""
    return Context(tenant=IDS.new(TenantId))


@pytest.fixture
async def owner(endpoint: Endpoint) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may end others."""
    connection = await asyncpg.connect(endpoint.dsn(Role.ADMIN))
    yield connection
    await connection.close()


async def _scalar(db: Database, ctx: Context, statement: object, **values: object) -> object:
    async with db.read(ctx) as reader:
        return await reader.scalar(statement, values)  # type: ignore[arg-type]  # whatever is tried


class TestValues:
    async def test_types_are_those_of_a_transaction(self, db: Database, ada: Context) -> None:
        """A value that is read alone has the type that it has in a transaction."""
        statement = select(
            literal(ada.tenant, IdType(TenantId)).label("id"),
            literal({"a": [1, None, "ü"]}, JSONB).label("kept"),
            literal([1, 2], JSON).label("said"),
            literal([3, 4], ARRAY(Integer)).label("numbers"),
        )

        async with db.read(ada) as reader:
            alone = await reader.rows(statement)
        async with db.transaction(ada) as tx:
            within = await tx.rows(statement)

        assert alone == within
        assert [type(value) for value in alone[0]] == [type(value) for value in within[0]]
        assert alone[0].kept == {"a": [1, None, "ü"]}
        assert dict(alone[0]._mapping) == dict(within[0]._mapping)

    @pytest.mark.parametrize("wanted", [[], [2], [1, 2, 3]])
    async def test_as_many_values_as_are_given(self, db: Database, ada: Context, wanted: list[int]) -> None:
        """A list in a condition may have any length, though the statement is written once."""
        numbers = text("SELECT * FROM generate_series(1, 3) AS n").columns(column("n", Integer)).subquery()
        statement = select(numbers.c.n).where(numbers.c.n.in_(bindparam("wanted", expanding=True)))

        async with db.read(ada) as reader:
            found = await reader.scalars(statement, {"wanted": wanted})

        assert found == wanted

    async def test_text_with_types(self, db: Database, ada: Context) -> None:
        """SQL of our own gets its types by the names of its columns."""
        statement = text("SELECT 1 AS other, CAST(:id AS uuid) AS id").columns(id=IdType(TenantId))

        async with db.read(ada) as reader:
            row = await reader.first(statement, {"id": ada.tenant.uuid})

        assert row is not None
        assert (row.id, row.other) == (ada.tenant, 1)

    async def test_nothing_found(self, db: Database, ada: Context) -> None:
        """Nothing is None, or no rows."""
        async with db.read(ada) as reader:
            found = (
                await reader.first(text("SELECT 1 WHERE false")),
                await reader.rows(text("SELECT 1 WHERE false")),
            )

        assert found == (None, [])


class TestTenant:
    async def test_concurrent_reads_keep_apart(self, db: Database, ada: Context, bob: Context) -> None:
        """Reads of two tenants at once, on few connections, each see their own."""

        async def whose(ctx: Context) -> bool:
            return await _scalar(db, ctx, _WHOSE) == str(ctx.tenant.uuid)

        kept = await asyncio.gather(*(whose(ctx) for _ in range(100) for ctx in (ada, bob)))

        assert all(kept)

    async def test_cancelled_read_leaves_nothing(self, db: Database, ada: Context, bob: Context) -> None:
        """A read that was cancelled, wherever it was, disturbs no later one."""
        for turn in range(30):
            reading = asyncio.create_task(_scalar(db, ada, text("SELECT pg_sleep(0.01)")))
            for _ in range(turn):
                await asyncio.sleep(0)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

            assert await _scalar(db, bob, _WHOSE) == str(bob.tenant.uuid)


class TestTrouble:
    async def test_wrong_statement_is_no_outage(self, db: Database, ada: Context) -> None:
        """A mistake is told as itself, and the connection serves on."""
        before = await _scalar(db, ada, _WHO)

        with pytest.raises(asyncpg.UndefinedTableError):
            await _scalar(db, ada, select(literal(1)).select_from(table("nowhere")))
        with pytest.raises(asyncpg.DataError):
            await _scalar(db, ada, text("SELECT CAST(:n AS int)"), n="one")

        assert await _scalar(db, ada, _WHO) != 0
        assert before != 0

    async def test_lost_connection_is_replaced(
        self, db: Database, ada: Context, owner: asyncpg.Connection
    ) -> None:
        """A connection that the server has ended is told as an outage at most once."""
        lost = await _scalar(db, ada, _WHO)
        await owner.execute("SELECT pg_terminate_backend($1)", lost)
        try:
            found = await _scalar(db, ada, _WHO)
        except DatabaseUnavailable:
            found = await _scalar(db, ada, _WHO)

        assert found not in {lost, None}

    async def test_all_busy(self, db: Database, ada: Context) -> None:
        """Who finds every connection busy for too long is told to come again, and the next one is served."""
        db.reads.wait_seconds = 0.05
        slow = text("SELECT pg_sleep(1)")
        reading = [asyncio.create_task(_scalar(db, ada, slow)) for _ in range(db.reads.size)]
        while not db.reads.is_full:  # noqa: ASYNC110 - the reads say so
            await asyncio.sleep(0)

        with pytest.raises(DatabaseUnavailable, match="busy"):
            await _scalar(db, ada, _WHO)

        await asyncio.gather(*reading)
        assert await _scalar(db, ada, _WHO)
