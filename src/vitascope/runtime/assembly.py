"""Puts a process together: the foundation's parts, then every service, in one container."""

from urllib.parse import quote

from pydantic import SecretStr

from vitascope.foundation.clock import Clock, SystemClock
from vitascope.foundation.db.batching import EventBatcher
from vitascope.foundation.db.database import Database
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.events.handlers import BoundHandler
from vitascope.foundation.events.hints import Hints
from vitascope.foundation.events.subscriptions import Subscription
from vitascope.foundation.ids import Ids, RandomIds
from vitascope.foundation.mail.mailer import Mailer, open_mailer
from vitascope.foundation.module import Module, Platform
from vitascope.foundation.resilience.limits import RateLimiter
from vitascope.foundation.secrets import Secrets
from vitascope.foundation.storage.objects import Objects
from vitascope.foundation.storage.opening import open_objects
from vitascope.foundation.storage.s3 import S3Credentials
from vitascope.foundation.storage.signing import PathSigner
from vitascope.foundation.telemetry.metrics import Metrics
from vitascope.foundation.wiring import Container
from vitascope.runtime.remotes import Remotes, provide_remote
from vitascope.runtime.settings import Settings, section_name


def assemble(
    settings: Settings, *, endpoint: Endpoint, modules: tuple[Module, ...], executor: str = "main"
) -> Container:
    """A container for these services; nothing is connected or started yet.

    Of a service that the settings place elsewhere only the contracts are here, as calls.
    """
    container = Container()
    container.put(Settings, settings)
    container.put(Platform, Platform(public_url=settings.public_url, data=settings.data, executor=executor))
    container.put(Clock, SystemClock())
    container.put(Ids, RandomIds())
    container.put(Metrics, Metrics())
    container.provide(Secrets, lambda: _secrets(settings))
    _add_database(container, settings, endpoint)
    _add_ports(container, settings)
    container.put(Remotes, Remotes(settings.rpc.remotes, container=container))
    for module in modules:
        _add_module(container, settings, module)
    return container


async def close(container: Container) -> None:
    """Write what waits to be written, and give back all connections."""
    await container.get(EventBatcher).close()
    await container.get(Remotes).close()
    await container.get(Database).close()


def subscriptions(container: Container, modules: tuple[Module, ...]) -> list[Subscription]:
    """One consumer for each service that hears events."""
    db, hints = container.get(Database), container.get(Hints)
    return [
        Subscription(
            name=module.name,
            handlers=[BoundHandler(one, dict(container.arguments(one.function))) for one in module.handlers],
            db=db,
            hint=hints.on_log(),
            clock=container.get(Clock),  # type: ignore[type-abstract]  # a port is asked for by its Protocol
        )
        for module in modules
        if module.handlers
    ]


def _add_ports(container: Container, settings: Settings) -> None:
    """The backends that the settings choose."""
    clock = container.get(Clock)  # type: ignore[type-abstract]  # a port is asked for by its Protocol
    counters = settings.counters.url.get_secret_value()
    container.provide(
        Objects, lambda: open_objects(_storage_url(settings), credentials=_credentials(settings))
    )
    container.provide(Mailer, lambda: open_mailer(settings.mail, clock=clock, folder=settings.data))
    container.provide(RateLimiter, lambda: RateLimiter(counters, clock=clock))
    container.provide(PathSigner, lambda: _signer(container.get(Secrets)))


def _secrets(settings: Settings) -> Secrets:
    if settings.master_key is not None:
        return Secrets(settings.master_key.get_secret_value().encode())
    return Secrets.in_folder(settings.data / "secrets")


def _credentials(settings: Settings) -> S3Credentials | None:
    access, secret = settings.storage.access_key, settings.storage.secret_key
    return S3Credentials(access_key=access, secret_key=secret) if access and secret else None


def _signer(secrets: Secrets) -> PathSigner:
    return PathSigner(secrets=[SecretStr(secrets.derive("signed paths").hex())])


def _add_database(container: Container, settings: Settings, endpoint: Endpoint) -> None:
    hints = Hints(dsn=endpoint.dsn(Role.APP))
    db = Database(
        endpoint,
        clock=container.get(Clock),  # type: ignore[type-abstract]  # a port is asked for by its Protocol
        ids=container.get(Ids),  # type: ignore[type-abstract]  # the same
        size=settings.database.pool,
        on_events=hints.committed,
    )
    batcher = EventBatcher(
        dsn=endpoint.dsn(Role.SYSTEM),
        clock=container.get(Clock),  # type: ignore[type-abstract]  # the same
        ids=container.get(Ids),  # type: ignore[type-abstract]  # the same
        on_events=hints.committed,
    )
    container.put(EventBatcher, batcher)
    container.put(Endpoint, endpoint)
    container.put(Hints, hints)
    container.put(Database, db)


def _add_module(container: Container, settings: Settings, module: Module) -> None:
    if module.settings is not None:
        container.put(module.settings, getattr(settings, section_name(module)))
    remote = container.get(Remotes).by_service.get(module.name)
    if remote is not None:
        provide_remote(container, module, remote)
        return
    for contract, implementation in module.provides.items():
        container.provide(implementation, implementation)
        container.provide(contract, lambda made=implementation: container.get(made))  # type: ignore[misc]
    for kind in module.also:
        container.provide(kind, kind)
    for kind, factory in module.factories.items():
        container.provide(kind, lambda make=factory: make(container))  # type: ignore[misc]


def _storage_url(settings: Settings) -> str:
    if settings.storage.url is not None:
        return settings.storage.url.get_secret_value()
    return "file://" + quote(str((settings.data / "objects").resolve()))
