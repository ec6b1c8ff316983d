"""From nothing to a database that every service can use: the same for every command that needs one."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from vitascope.foundation.db.bootstrap import bootstrap
from vitascope.foundation.db.migrations import upgrade
from vitascope.foundation.db.server.endpoint import SERVICE_ROLES, Endpoint, Role
from vitascope.foundation.db.server.passwords import read_or_make
from vitascope.foundation.db.server.supervisor import Server
from vitascope.foundation.module import Module
from vitascope.foundation.workflows.engine import prepare as prepare_workflows
from vitascope.runtime.assembly import assemble, close
from vitascope.runtime.registry import histories
from vitascope.runtime.settings import Settings
from vitascope.runtime.share import without_remotes


@dataclass(frozen=True)
class Ground:
    """A database whose schemas are at their heads; `check` restarts an embedded one that died."""

    endpoint: Endpoint
    check: Callable[[], None]


@contextmanager
def ground(settings: Settings, *, modules: tuple[Module, ...]) -> Iterator[Ground]:
    """Start or reach the database, migrate it, and let the services prepare what they need."""
    server = _embedded(settings)
    with _served(settings, server) as endpoint:
        upgrade(endpoint.dsn(Role.OWNER, driver="+psycopg"), histories(modules))
        prepare_workflows(endpoint.dsn(Role.OWNER))
        asyncio.run(prepare(settings, endpoint=endpoint, modules=modules))
        yield Ground(endpoint, check=partial(_restart, server))


@contextmanager
def database(settings: Settings) -> Iterator[Endpoint]:
    """Start or reach the database, and leave its schemas as they are."""
    with _served(settings, _embedded(settings)) as endpoint:
        yield endpoint


async def prepare(settings: Settings, *, endpoint: Endpoint, modules: tuple[Module, ...]) -> None:
    """Run each service's preparation, in the order of the registry; repeating it changes nothing.

    A service that the settings place elsewhere is prepared there.
    """
    container = assemble(settings, endpoint=endpoint, modules=modules)
    try:
        for module in without_remotes(modules, settings=settings):
            if module.prepare is not None:
                await module.prepare(container)
    finally:
        await close(container)


def _embedded(settings: Settings) -> Server | None:
    """The server in the data folder, unless an outside one is configured."""
    settings.data.mkdir(parents=True, exist_ok=True)
    return Server(folder=settings.data / "postgresql") if settings.database.url is None else None


@contextmanager
def _served(settings: Settings, server: Server | None) -> Iterator[Endpoint]:
    if server is None:
        yield bootstrap(_external(settings))
        return
    try:
        yield bootstrap(server.start())
    finally:
        server.stop()


def _external(settings: Settings) -> Endpoint:
    """The administrator's server, with passwords of the service roles kept in the data folder."""
    made = read_or_make(settings.data / "database-passwords.json", may_make=True)
    passwords = {role: made[role] for role in SERVICE_ROLES}
    url = settings.database.url.get_secret_value() if settings.database.url else ""
    return Endpoint.of_url(url, passwords=passwords, field_name="VITASCOPE_DATABASE_URL")


def _restart(server: Server | None) -> None:
    if server is not None and not server.alive():
        server.start()
