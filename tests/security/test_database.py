"""What the role that serves requests can see of the database, whatever a service's SQL says."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from vitascope.foundation.db.server.endpoint import Endpoint, Role

UNTENANTED = {
    "events.subscriptions": "how far each consumer has come in the log",
    "locks.leases": "which process holds which name",
    "transcoding_jobs.clock": "how far the fair turns of all tenants have come, one number",
    "workflows.attempts": "how often an executor has begun a work, by the work's id",
    "workflows.executors": "which worker processes there are",
}
"""Tables of the platform itself that the serving role may read, and what is in them."""

_READABLE = """
    SELECT n.nspname || '.' || c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS guarded
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND has_schema_privilege('vitascope_app', n.oid, 'USAGE')
      AND has_table_privilege('vitascope_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE')
      AND c.relname <> 'alembic_version'
"""


async def unguarded(endpoint: Endpoint) -> set[str]:
    """The tables that the serving role reaches past row-level security."""
    connection = await asyncpg.connect(endpoint.dsn(Role.OWNER))
    try:
        rows = await connection.fetch(_READABLE)
    finally:
        await connection.close()
    return {row["name"] for row in rows if not row["guarded"]}


@pytest.fixture
async def serving(endpoint: Endpoint) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the role that serves requests."""
    connection = await asyncpg.connect(endpoint.dsn(Role.APP))
    yield connection
    await connection.close()


class TestServingRole:
    async def test_reaches_tenants_only_through_policies(self, endpoint: Endpoint) -> None:
        """Row-level security is forced on every table that it can reach but the platform's own."""
        assert await unguarded(endpoint) <= set(UNTENANTED)

    async def test_a_forgotten_policy_is_seen(self, endpoint: Endpoint) -> None:
        """Planted: a table whose migration forgot `protect` is found."""
        owner = await asyncpg.connect(endpoint.dsn(Role.OWNER))
        await owner.execute("CREATE TABLE video_catalog.forgotten (tenant_id uuid, secret text)")
        await owner.close()

        assert "video_catalog.forgotten" in await unguarded(endpoint)

    @pytest.mark.parametrize(
        "table", ["dbos.workflow_status", "dbos.workflow_input", "identity_auth.signing_keys"]
    )
    async def test_sees_no_arguments_and_no_keys(self, serving: asyncpg.Connection, table: str) -> None:
        """The arguments of all tenants' work, and the keys that sign tokens, are not for it."""
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await serving.fetch(f"SELECT * FROM {table}")  # noqa: S608 - a name from this test

    async def test_cannot_take_a_policy_off(self, serving: asyncpg.Connection) -> None:
        """It owns no table, so it cannot lift what binds it."""
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await serving.execute("ALTER TABLE video_catalog.titles DISABLE ROW LEVEL SECURITY")

    async def test_audit_log_is_not_rewritten(self, serving: asyncpg.Connection) -> None:
        """What was done stays written: entries are neither changed nor deleted."""
        await serving.execute("SELECT set_config('vitascope.tenant', gen_random_uuid()::text, false)")

        for statement in ("DELETE FROM identity_tenants.audit", "TRUNCATE identity_tenants.audit"):
            with pytest.raises(asyncpg.PostgresError):
                await serving.execute(statement)
