from urllib.parse import urlsplit

import pytest
from sqlalchemy import make_url

from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.errors import Invalid

PASSWORDS = {Role.ADMIN: "a", Role.OWNER: "o/@:?", Role.SYSTEM: "s", Role.APP: "p"}


class TestDsn:
    def test_socket(self) -> None:
        """A folder as host becomes a parameter, as asyncpg, psycopg and SQLAlchemy read it."""
        endpoint = Endpoint(host="/run/my data", port=5432, passwords=PASSWORDS)

        url = make_url(endpoint.dsn(Role.OWNER, driver="+asyncpg"))

        assert (url.drivername, url.username, url.password) == (
            "postgresql+asyncpg",
            "vitascope_owner",
            "o/@:?",
        )
        assert url.query == {"host": "/run/my data", "port": "5432"}
        assert url.database == "vitascope"

    def test_network(self) -> None:
        """A URL of an external server keeps its port and parameters for every role."""
        given = "postgresql://root:x%40y@db.example:6000/defaultdb?sslmode=require"
        endpoint = Endpoint.of_url(given, passwords=PASSWORDS)

        admin, app = endpoint.dsn(Role.ADMIN, database="defaultdb"), endpoint.dsn(Role.APP)

        assert admin == given
        assert app == "postgresql://vitascope_app:p@db.example:6000/vitascope?sslmode=require"

    def test_ipv6(self) -> None:
        """A numeric IPv6 host keeps its brackets."""
        endpoint = Endpoint.of_url("postgres://root:x@[::1]:5433/postgres", passwords=PASSWORDS)

        assert urlsplit(endpoint.dsn(Role.APP)).netloc == "vitascope_app:p@[::1]:5433"

    @pytest.mark.parametrize("url", ["mysql://u:p@h/d", "postgresql://h/d", "postgresql:///d", "nonsense"])
    def test_refuses(self, url: str) -> None:
        """What is no PostgreSQL URL with a user and a host is refused, naming the field."""
        with pytest.raises(Invalid) as caught:
            Endpoint.of_url(url, passwords=PASSWORDS, field_name="VITASCOPE_DATABASE_URL")

        assert caught.value.field == "VITASCOPE_DATABASE_URL"
