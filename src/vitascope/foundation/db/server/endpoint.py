"""How a server is reached, and as whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from vitascope.foundation.errors import Invalid

DATABASE = "vitascope"

Driver = Literal["", "+asyncpg", "+psycopg"]


class Role(StrEnum):
    """Who connects, from the most to the least powerful."""

    ADMIN = "admin"
    """Creates the others; on an embedded server the superuser, else whom the administrator's URL names."""
    OWNER = "vitascope_owner"
    """Owns schemas and tables and runs migrations; row policies bind it too, being FORCED."""
    SYSTEM = "vitascope_system"
    """Relay and janitors: owns nothing; row policies let it see all tenants."""
    APP = "vitascope_app"
    """Everyday queries: owns nothing; sees one tenant at a time."""


SERVICE_ROLES = (Role.OWNER, Role.SYSTEM, Role.APP)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A PostgreSQL server, a database on it and the passwords of the roles."""

    host: str
    """A host name, or the folder of a unix socket."""
    port: int
    passwords: Mapping[Role, str] = field(repr=False)
    admin: str = "postgres"
    maintenance: str = "postgres"
    """The database that is always there, where others are created."""
    database: str = DATABASE
    options: Mapping[str, str] = field(default_factory=dict)
    """Connection parameters of an external server's URL, such as sslmode."""

    @classmethod
    def of_url(
        cls, url: str, *, passwords: Mapping[Role, str], database: str = DATABASE, field_name: str = "url"
    ) -> Self:
        """The server that an administrator's URL names; `passwords` are those of the three service roles.

        Raises Invalid when it is not a PostgreSQL URL with a user.
        """
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        host = query.pop("host", None) or parts.hostname
        if parts.scheme.partition("+")[0] not in {"postgresql", "postgres"} or not host or not parts.username:
            raise Invalid(
                "A database URL reads postgresql://user:password@host:5432/database.", field=field_name
            )
        return cls(
            host=unquote(host),
            port=parts.port or int(query.pop("port", 5432)),
            passwords={**passwords, Role.ADMIN: unquote(parts.password or "")},
            admin=unquote(parts.username),
            maintenance=parts.path.lstrip("/") or "postgres",
            database=database,
            options=query,
        )

    def on(self, database: str) -> Self:
        """The same server and passwords, another database."""
        return replace(self, database=database)

    def user(self, role: Role) -> str:
        """The role's name on the server."""
        return self.admin if role is Role.ADMIN else role.value

    def dsn(self, role: Role, *, driver: Driver = "", database: str | None = None) -> str:
        """A URL for one role: plain for asyncpg, psycopg and libpq; with a driver for SQLAlchemy."""
        host, query = self.host, dict(self.options)
        if host.startswith("/"):
            host, query = "", {"host": self.host, "port": str(self.port), **query}
        else:
            host = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        user, password = quote(self.user(role), safe=""), quote(self.passwords[role], safe="")
        tail = f"?{urlencode(query, quote_via=quote, safe='/')}" if query else ""
        return (
            f"postgresql{driver}://{user}:{password}@{host}/{quote(database or self.database, safe='')}{tail}"
        )
