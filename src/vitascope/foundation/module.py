"""What a service declares to be started: one value in its `module.py`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from fastapi import APIRouter
from starlette.routing import BaseRoute

from vitascope.foundation.db.tables import Schema
from vitascope.foundation.events.handlers import Handler
from vitascope.foundation.wiring import Container
from vitascope.foundation.workflows.declaration import Durable


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What a service may know of the place where it runs.

    `public_url` is the address people type, without a slash at its end; `data` the data folder, in
    which a service may keep scratch files below its own name. `executor` is this worker's name,
    under which its durable work is found again after a restart.
    """

    public_url: str
    data: Path
    executor: str = "main"


class Beside(Protocol):
    """Something that a process runs while it serves or works, such as a server of another kind."""

    async def run(self) -> None:
        """Go on until cancelled."""


@dataclass(frozen=True, kw_only=True)
class Module:
    """One service, as the composition root sees it.

    `provides` maps a contract to the class that implements it, `also` names further classes that
    its own routes, handlers and jobs ask for; both are made by the container. `routes` are served
    below `/api/v1`; `hot` routes are plain Starlette, served as they are; `pages` are served at
    the root, behind everything else. `settings` is the
    service's section in the settings, under the service's name. `package` holds `migrations/`.
    `beside` names classes whose `run()` goes on beside the answering of requests, until cancelled,
    `crews` those whose `run()` goes on in each worker.
    `prepare` makes what must be there before anything serves; it runs at every start.
    """

    name: str
    package: str
    provides: Mapping[type[Any], type[Any]] = field(default_factory=dict)
    also: tuple[type[Any], ...] = ()
    factories: Mapping[type[Any], Callable[[Container], Any]] = field(default_factory=dict)
    needs: tuple[type[Any], ...] = ()
    routes: APIRouter | None = None
    hot: Callable[[Container], list[BaseRoute]] | None = None
    pages: Callable[[Container], list[BaseRoute]] | None = None
    handlers: tuple[Handler, ...] = ()
    jobs: tuple[Durable[Any], ...] = ()
    schema: Schema | None = None
    settings: type[Any] | None = None
    beside: tuple[type[Beside], ...] = ()
    crews: tuple[type[Beside], ...] = ()
    prepare: Callable[[Container], Awaitable[None]] | None = None
