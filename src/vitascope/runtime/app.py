"""The HTTP application of a process: every service's routes, under one roof."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import text
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from vitascope import __version__
from vitascope.foundation.db.database import Database
from vitascope.foundation.http import problems
from vitascope.foundation.http.health import Health, health_routes
from vitascope.foundation.http.security import BodyLimit, SecurityHeaders
from vitascope.foundation.http.telemetry import Telemetry
from vitascope.foundation.module import Module
from vitascope.foundation.storage.keys import ObjectPrefix
from vitascope.foundation.storage.objects import Objects
from vitascope.foundation.telemetry.logs import request_log
from vitascope.foundation.telemetry.metrics import Metrics
from vitascope.foundation.wiring import Container
from vitascope.runtime.remotes import Remotes, call_routes
from vitascope.runtime.settings import Settings

API = "/api/v1"
_UPLOAD_BODY_BYTES = 1 << 40  # uploads stream and have limits of their own
_ANYWHERE = ObjectPrefix("health/")
_LARGER_BODIES = {f"{API}/uploads": _UPLOAD_BODY_BYTES}


def build_app(container: Container, *, modules: tuple[Module, ...], answers_calls: bool = False) -> ASGIApp:
    """The application for these services, with health, metrics, telemetry and problem documents.

    With `answers_calls` other processes may call the services' contracts: never on a public port.
    """
    app = _bare_app(modules)
    app.state.container = container
    for module in modules:
        if module.hot is not None:
            app.router.routes.extend(module.hot(container))
    if answers_calls:
        app.router.routes.extend(call_routes(container, modules))
    health = health_of(container)
    app.router.routes.extend(health_routes(health=health, metrics=container.get(Metrics)))
    for module in modules:
        if module.pages is not None:
            app.router.routes.extend(module.pages(container))
    problems.install(app)
    log = request_log() if container.get(Settings).logging.requests else None
    return Telemetry(app, metrics=container.get(Metrics), log=log)


def openapi(modules: tuple[Module, ...]) -> dict[str, Any]:
    """The description of these services' API; needs no database and no settings."""
    app = _bare_app(modules)
    problems.install(app)
    return app.openapi()


def health_of(container: Container) -> Health:
    """The checks of what this process depends on."""
    health = Health()
    checks: dict[str, Callable[[], Awaitable[Any]]] = {
        "database": partial(_ask_database, container.get(Database)),
        "objects": partial(_ask_objects, container),
    }
    for name, check in checks.items():
        health.add(name, check)
    for name, remote in container.get(Remotes).by_service.items():
        health.add(name, remote.require_alive, required=False)
    return health


def _bare_app(modules: tuple[Module, ...]) -> FastAPI:
    """The application with the routes that are declared, and nothing behind them yet."""
    app = FastAPI(
        title="Vitascope",
        version=__version__,
        summary="A streaming business on your own machines.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # ours is `http.telemetry`
        generate_unique_id_function=_operation_id,
        middleware=[Middleware(SecurityHeaders), Middleware(BodyLimit, larger=_LARGER_BODIES)],
    )
    for module in modules:
        if module.routes is not None:
            app.include_router(module.routes, prefix=API)
    return app


async def _ask_database(db: Database) -> None:
    async with db.system() as connection:
        await connection.execute(text("SELECT 1"))


async def _ask_objects(container: Container) -> None:
    objects = container.get(Objects)  # type: ignore[type-abstract]  # a port is asked for by its Protocol
    await objects.page(_ANYWHERE, limit=1)


def _operation_id(route: APIRoute) -> str:
    """`uploads_create`: the tag and the function's name, as clients are generated from it."""
    tag = str(route.tags[0]) if route.tags else "platform"
    return f"{tag}_{route.name}"
