"""The HTTP application of a process: every service's routes, under one roof."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import text
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Scope

from vitascope import __version__
from vitascope.foundation.db.database import Database
from vitascope.foundation.http import problems
from vitascope.foundation.http.direct import DirectReads
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
_Ask = Callable[[Scope], tuple[Match, Scope]]
_UPLOAD_BODY_BYTES = 1 << 40  # uploads stream and have limits of their own
_ANYWHERE = ObjectPrefix("health/")
_LARGER_BODIES = {f"{API}/uploads": _UPLOAD_BODY_BYTES}


def build_app(container: Container, *, modules: tuple[Module, ...], answers_calls: bool = False) -> ASGIApp:
    """The application for these services, with health, metrics, telemetry and problem documents.

    With `answers_calls` other processes may call the services' contracts: never on a public port.
    """
    app = _bare_app(modules)
    app.state.container = container
    app.router.routes.insert(0, DirectReads(app.router.routes))
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
            _include(app, module.routes)
    return app


async def _ask_database(db: Database) -> None:
    async with db.system() as connection:
        await connection.execute(text("SELECT 1"))


async def _ask_objects(container: Container) -> None:
    objects = container.get(Objects)  # type: ignore[type-abstract]  # a port is asked for by its Protocol
    await objects.page(_ANYWHERE, limit=1)


def _include(app: FastAPI, router: APIRouter) -> None:
    """Serve a service's routes, asked only for paths that begin as one of them does.

    The framework asks every route of every service in turn; the first two parts of a path already
    tell which service it is for.
    """
    beginnings = tuple({f"{API}/{_path_of(route).split('/')[1]}" for route in router.routes})
    known = len(app.router.routes)
    app.include_router(router, prefix=API)
    for included in app.router.routes[known:]:
        ask = included.matches

        def matches(scope: Scope, ask: _Ask = ask) -> tuple[Match, Scope]:
            return ask(scope) if scope["path"].startswith(beginnings) else (Match.NONE, {})

        included.matches = matches  # type: ignore[method-assign]  # in front of the framework's own


def _path_of(route: BaseRoute) -> str:
    path: str = getattr(route, "path", "/")
    return path


def _operation_id(route: APIRoute) -> str:
    """`uploads_create`: the tag and the function's name, as clients are generated from it."""
    tag = str(route.tags[0]) if route.tags else "platform"
    return f"{tag}_{route.name}"
