from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, text

from vitascope.foundation.db.migrations import History, differences, pending
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.runtime.registry import histories

HISTORIES = histories()


@pytest.fixture
def owner(endpoint: Endpoint) -> Iterator[Engine]:
    """A connection as the owner of the tables."""
    engine = create_engine(endpoint.dsn(Role.OWNER, driver="+psycopg"))
    yield engine
    engine.dispose()


class TestHistories:
    @pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.schema.name)
    def test_models_are_what_the_database_holds(self, history: History, owner: Engine) -> None:
        """A migrated database and the models do not differ."""
        with owner.connect() as connection:
            found = differences(connection, history)

        assert found == []

    def test_nothing_is_pending_after_an_upgrade(self, endpoint: Endpoint) -> None:
        """A migrated database needs no further upgrade."""
        dsn = endpoint.dsn(Role.OWNER, driver="+psycopg")

        assert pending(dsn, HISTORIES) == []


class TestTenancy:
    def test_every_table_with_tenants_forces_its_policy(self, owner: Engine) -> None:
        """Whatever has a tenant_id hides other tenants' rows, even from the owner of the table."""
        query = text(
            """
            SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relkind IN ('r', 'p') AND a.attname = 'tenant_id' AND NOT c.relforcerowsecurity
              AND c.relnamespace::regnamespace::text NOT IN ('dbos')
            """
        )

        with owner.connect() as connection:
            open_tables = connection.execute(query).scalars().all()

        assert open_tables == []

    def test_the_everyday_role_owns_nothing(self, owner: Engine) -> None:
        """The roles of queries neither own a table nor bypass row-level security."""
        query = text(
            """
            SELECT rolname FROM pg_roles r WHERE rolname IN ('vitascope_app', 'vitascope_system')
              AND (rolbypassrls OR rolsuper OR EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid))
            """
        )

        with owner.connect() as connection:
            assert connection.execute(query).scalars().all() == []
