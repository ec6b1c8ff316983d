"""From nothing to a database that every service can use: the same for every command that needs one."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from vitascope.foundation.db.bootstrap import bootstrap
from vitascope.foundation.db.database import Database
from vitascope.foundation.db.migrations import upgrade
from vitascope.foundation.db.server.endpoint import SERVICE_ROLES, Endpoint, Role
from vitascope.foundation.db.server.passwords import read_or_make
from vitascope.foundation.db.server.supervisor import Server
from vitascope.foundation.module import Module
from vitascope.runtime.assembly import assemble
from vitascope.runtime.registry import histories
from vitascope.runtime.settings import Settings


@dataclass(frozen=True)
class Ground:
    """A database whose schemas are at their heads; `check` restarts an embedded one that died."""

    endpoint: Endpoint
    check: Callable[[], None]


@contextmanager
def ground(settings: Settings, *, modules: tuple[Module, ...]) -> Iterator[Ground]:
    """Start or reach the database, migrate it, and let the services prepare what they need."""
    settings.data.mkdir(parents=True, exist_ok=True)
    if settings.database.url is not None:
        endpoint = bootstrap(_external(settings, settings.database.url.get_secret_value()))
        _make_ready(settings, endpoint=endpoint, modules=modules)
        yield Ground(endpoint, check=lambda: None)
        return
    server = Server(folder=settings.data / "postgresql")
    try:
        endpoint = bootstrap(server.start())
        _make_ready(settings, endpoint=endpoint, modules=modules)
        yield Ground(endpoint, check=lambda: _restart(server))
    finally:
        server.stop()


async def prepare(settings: Settings, *, endpoint: Endpoint, modules: tuple[Module, ...]) -> None:
    """Run each service's preparation, in the order of the registry; repeating it changes nothing."""
    container = assemble(settings, endpoint=endpoint, modules=modules)
    try:
        for module in modules:
            if module.prepare is not None:
                await module.prepare(container)
    finally:
        await container.get(Database).close()


def _make_ready(settings: Settings, *, endpoint: Endpoint, modules: tuple[Module, ...]) -> None:
    upgrade(endpoint.dsn(Role.OWNER, driver="+psycopg"), histories(modules))
    asyncio.run(prepare(settings, endpoint=endpoint, modules=modules))


def _external(settings: Settings, url: str) -> Endpoint:
    """The administrator's server, with passwords of the service roles kept in the data folder."""
    made = read_or_make(settings.data / "database-passwords.json", may_make=True)
    passwords = {role: made[role] for role in SERVICE_ROLES}
    return Endpoint.of_url(url, passwords=passwords, field_name="VITASCOPE_DATABASE_URL")


def _restart(server: Server) -> None:
    if not server.alive():
        server.start()
