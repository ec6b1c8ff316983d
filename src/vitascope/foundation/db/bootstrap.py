"""The database and its roles, on a supervised server or one that an administrator gives us."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors, sql

from vitascope.foundation.db.server.endpoint import SERVICE_ROLES, Endpoint, Role
from vitascope.foundation.errors import Conflict, Forbidden, Unavailable

_LOCK = 0x76697461  # "vita": one bootstrap at a time on a server


def bootstrap(endpoint: Endpoint, *, database: str | None = None) -> Endpoint:
    """Make the database and the three service roles, or bring them up to date; safe to repeat and to race.

    Owner: owns the database, and whatever migrations make in it. App and system: may connect, and use every
    table and sequence that the owner makes from now on, in schemas whose migration grants them USAGE. None is
    a superuser, none bypasses row-level security. Gives the endpoint of the database.

    Raises Unavailable; Forbidden when the administrator may not do this; Conflict when the server already has
    such a role with more rights.
    """
    target = endpoint.on(database or endpoint.database)
    with _connected(target, Role.ADMIN, database=target.maintenance) as admin:
        admin.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        _make_roles(admin, target)
        _require_bound(admin)
        _make_database(admin, target)
        with _connected(target, Role.OWNER) as owner:
            _grant(owner, target)
    return target


@contextmanager
def _connected(
    endpoint: Endpoint, role: Role, *, database: str | None = None
) -> Iterator[psycopg.Connection]:
    try:
        with psycopg.connect(endpoint.dsn(role, database=database), autocommit=True) as connection:
            yield connection
    except errors.InsufficientPrivilege as error:
        raise Forbidden(
            f"`{endpoint.user(role)}` may not prepare the database: {error}. The administrator's role needs "
            "CREATEROLE and CREATEDB, and must have made the service roles if they exist already."
        ) from error
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"The database server does not let `{endpoint.user(role)}` in or went away: {error}"
        ) from error


def _make_roles(admin: psycopg.Connection, endpoint: Endpoint) -> None:
    present = {name for (name,) in admin.execute("SELECT rolname FROM pg_roles")}
    attributes = sql.SQL("LOGIN NOCREATEDB NOCREATEROLE PASSWORD {}")
    for role in SERVICE_ROLES:
        verb = sql.SQL("ALTER ROLE {} " if role.value in present else "CREATE ROLE {} ")
        password = attributes.format(sql.Literal(endpoint.passwords[role]))
        admin.execute(verb.format(sql.Identifier(role.value)) + password)
    # An administrator who is no superuser (a cloud's) gives a database away only to a role he is a member of.
    if admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() != (True,):
        admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(Role.OWNER.value)))


def _require_bound(admin: psycopg.Connection) -> None:
    """Refuse roles that an administrator gave too much: tenancy rests on row-level security binding them."""
    loose = admin.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND (rolsuper OR rolbypassrls)",
        ([role.value for role in SERVICE_ROLES],),
    ).fetchall()
    if loose:
        names = ", ".join(name for (name,) in loose)
        raise Conflict(
            f"Row-level security must bind these roles; ALTER ROLE … NOSUPERUSER NOBYPASSRLS: {names}"
        )


def _make_database(admin: psycopg.Connection, endpoint: Endpoint) -> None:
    name = sql.Identifier(endpoint.database)
    found = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (endpoint.database,)).fetchone()
    if not found:
        create = sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8'")
        admin.execute(create.format(name, sql.Identifier(Role.OWNER.value)))


def _grant(owner: psycopg.Connection, endpoint: Endpoint) -> None:
    """Grant as the owner, who needs no administrator's rights for it."""
    users = sql.SQL(", ").join(sql.Identifier(role.value) for role in (Role.APP, Role.SYSTEM))
    database = sql.Identifier(endpoint.database)
    for statement in (
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {users}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {users}",
        "ALTER DEFAULT PRIVILEGES GRANT USAGE, SELECT ON SEQUENCES TO {users}",
    ):
        owner.execute(sql.SQL(statement).format(database=database, users=users))
