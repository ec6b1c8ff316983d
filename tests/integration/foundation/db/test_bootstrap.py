from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from vitascope.foundation.db.bootstrap import bootstrap
from vitascope.foundation.db.server.binaries import Binaries, candidates
from vitascope.foundation.db.server.endpoint import SERVICE_ROLES, Endpoint, Role
from vitascope.foundation.errors import Conflict, Forbidden, Unavailable
from vitascope.foundation.testing.postgres import Databases, databases, private_server


@pytest.fixture(name="server", scope="module")
def _server() -> Iterator[Databases]:
    with databases() as server:
        yield server


@pytest.fixture(name="fresh")
def _fresh(server: Databases) -> Iterator[Endpoint]:
    with server.database() as endpoint:
        yield endpoint


def _run(endpoint: Endpoint, role: Role, *statements: str) -> list[tuple[object, ...]]:
    with psycopg.connect(endpoint.dsn(role), autocommit=True) as connection:
        for statement in statements[:-1]:
            connection.execute(statement.encode())
        cursor = connection.execute(statements[-1].encode())
        return cursor.fetchall() if cursor.description else []


def _migrate(endpoint: Endpoint) -> None:
    _run(
        endpoint,
        Role.OWNER,
        "CREATE SCHEMA orders",
        "GRANT USAGE ON SCHEMA orders TO vitascope_app, vitascope_system",
        "CREATE TABLE orders.lines (id bigserial PRIMARY KEY, tenant text NOT NULL)",
        "ALTER TABLE orders.lines ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE orders.lines FORCE ROW LEVEL SECURITY",
        "CREATE POLICY own ON orders.lines TO vitascope_app "
        "USING (tenant = current_setting('app.tenant', true))",
        "CREATE POLICY every ON orders.lines TO vitascope_system USING (true)",
    )


class TestBootstrap:
    def test_repeating_changes_nothing(self, server: Databases, fresh: Endpoint) -> None:
        """A second bootstrap of the same database succeeds and keeps its rights as they were."""
        rights = (
            "SELECT datacl::text, datdba::regrole::text FROM pg_database WHERE datname = current_database()"
        )
        bootstrap(fresh)
        before = _run(fresh, Role.ADMIN, rights)

        bootstrap(fresh)

        assert _run(fresh, Role.ADMIN, rights) == before

    def test_roles_own_and_bypass_nothing(self, server: Databases) -> None:
        """No service role is a superuser, bypasses row policies, or may create roles or databases."""
        loose = "rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication"
        ours = [role.value for role in SERVICE_ROLES]

        with psycopg.connect(server.endpoint.dsn(Role.ADMIN)) as connection:
            question = f"SELECT {loose} FROM pg_roles WHERE rolname = ANY(%s)"  # noqa: S608 - our own constants
            found = connection.execute(question, (ours,)).fetchall()

        assert found == [(False,)] * 3

    def test_owners_tables_are_usable(self, fresh: Endpoint) -> None:
        """Tables and sequences that the owner makes later are usable by app and system without a grant."""
        _migrate(fresh)

        _run(fresh, Role.APP, "SET app.tenant = 'a'", "INSERT INTO orders.lines (tenant) VALUES ('a')")
        _run(fresh, Role.SYSTEM, "INSERT INTO orders.lines (tenant) VALUES ('b')")

        assert _run(fresh, Role.SYSTEM, "SELECT tenant FROM orders.lines ORDER BY id") == [("a",), ("b",)]
        assert _run(fresh, Role.APP, "SET app.tenant = 'a'", "SELECT tenant FROM orders.lines") == [("a",)]

    @pytest.mark.parametrize("role", [Role.APP, Role.SYSTEM])
    @pytest.mark.parametrize(
        "statement",
        [
            "CREATE TABLE public.mine (id int)",
            "CREATE SCHEMA mine",
            "DROP TABLE orders.lines",
            "ALTER TABLE orders.lines DISABLE ROW LEVEL SECURITY",
            "TRUNCATE orders.lines",
        ],
    )
    def test_everyday_roles_change_no_structure(self, fresh: Endpoint, role: Role, statement: str) -> None:
        """App and system may neither make nor change tables, nor switch the row policies off."""
        _migrate(fresh)

        with pytest.raises(errors.InsufficientPrivilege):
            _run(fresh, role, statement)

    @pytest.mark.parametrize("binaries", list(candidates()), ids=lambda each: each.version)
    def test_external_server(self, binaries: Binaries) -> None:
        """An administrator's URL of any server, whose role is no superuser, is enough."""
        with private_server(binaries=binaries) as server:
            embedded = server.start().on("postgres")
            _run(embedded, Role.ADMIN, "CREATE ROLE cloud LOGIN CREATEROLE CREATEDB PASSWORD 'p@ss/word'")
            url = embedded.dsn(Role.ADMIN).replace(
                f"postgres:{embedded.passwords[Role.ADMIN]}", "cloud:p%40ss%2Fword"
            )
            external = Endpoint.of_url(url, passwords=embedded.passwords)

            endpoint = bootstrap(bootstrap(external))

            _migrate(endpoint)
            assert _run(endpoint, Role.SYSTEM, "SELECT count(*) FROM orders.lines") == [(0,)]

    def test_powerless_administrator(self, server: Databases) -> None:
        """An administrator who may not create roles is told which rights are needed."""
        _run(server.endpoint, Role.ADMIN, "CREATE ROLE clerk LOGIN PASSWORD 'clerk'")
        url = server.endpoint.dsn(Role.ADMIN, database="postgres").replace(
            f"postgres:{server.endpoint.passwords[Role.ADMIN]}", "clerk:clerk"
        )

        with pytest.raises(Forbidden, match="CREATEROLE and CREATEDB"):
            bootstrap(Endpoint.of_url(url, passwords=server.endpoint.passwords))

    def test_roles_with_too_many_rights_are_refused(self, server: Databases) -> None:
        """A server where somebody let a service role bypass row policies is refused, naming the role."""
        _run(server.endpoint, Role.ADMIN, "ALTER ROLE vitascope_app BYPASSRLS")

        with pytest.raises(Conflict, match="vitascope_app"):
            bootstrap(server.endpoint)

        _run(server.endpoint, Role.ADMIN, "ALTER ROLE vitascope_app NOBYPASSRLS")

    def test_wrong_password_is_told(self, server: Databases) -> None:
        """A URL whose password is wrong ends as an error that names the user."""
        url = server.endpoint.dsn(Role.ADMIN).replace(server.endpoint.passwords[Role.ADMIN], "guess")
        external = Endpoint.of_url(url, passwords=server.endpoint.passwords)

        with pytest.raises(Unavailable, match="does not let `postgres` in"):
            bootstrap(external)


class TestDatabases:
    def test_clones_do_not_see_each_other(self, server: Databases) -> None:
        """Each test's database starts as its template was, whatever others did to theirs."""
        template = server.template("migrated", _migrate)

        with server.database(template=template) as one, server.database(template=template) as two:
            _run(one, Role.SYSTEM, "INSERT INTO orders.lines (tenant) VALUES ('a')")

            assert _run(two, Role.SYSTEM, "SELECT count(*) FROM orders.lines") == [(0,)]
