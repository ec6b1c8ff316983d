"""Plain reads, answered past the framework's machinery: it describes them, and finds nothing to add.

FastAPI asks for a route, solves its dependencies one by one and opens three exit stacks for each
request, which costs more than all else together. Nearly every GET of ours needs its parameters, who
asks, and a service: that is worked out once, when the application is built. What a client sees is
the same to the byte (docs/decisions/0085); a route that needs more is left to the framework.
"""

import inspect
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts, serialize_response
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, compile_path
from starlette.types import Receive, Scope, Send

from vitascope.foundation.http.auth import signed_in, unsigned, visitor
from vitascope.foundation.wiring import Container, Provide

_Solve = Callable[[Request, list[Any]], Awaitable[Any]]
_CONTEXTS: Mapping[Any, Callable[[Request], Awaitable[Any]]] = {
    visitor: visitor,
    signed_in: signed_in,
    unsigned: unsigned,
}
_MEDIA_TYPE = "application/json"


class DirectReads(BaseRoute):
    """Stands in front of the routes, and takes those requests that it can answer."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._gets: defaultdict[str, list[_Get]] = defaultdict(list)
        for context in iter_route_contexts(routes):
            if "GET" in (context.methods or ()) and context.path is not None:
                self._gets[_beginning(context.path)].append(_Get.of(context.route, context.path))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """The first route that has the path, if it is one of ours."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return Match.NONE, {}
        path = scope["path"]
        for get in self._gets.get(_beginning(path), ()):
            found = get.pattern.match(path)
            if found is not None:
                ours = get.read is not None
                return (Match.FULL, get.scope(found.groupdict())) if ours else (Match.NONE, {})
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what the route's function returns."""
        request = Request(scope, receive)
        response = await scope["endpoint"](request)
        await response(scope, receive, send)


@dataclass(frozen=True, slots=True)
class _Get:
    """A GET: its path, and how it is read directly; None leaves it to the framework."""

    pattern: Any
    path_format: str
    convertors: Mapping[str, Any]
    read: "_Read | None"

    @classmethod
    def of(cls, route: BaseRoute, path: str) -> "_Get":
        return cls(*compile_path(path), _Read.of(route))

    def scope(self, parts: Mapping[str, str]) -> Scope:
        """What a route adds to the scope of a request."""
        values = {name: self.convertors[name].convert(text) for name, text in parts.items()}
        return {"endpoint": self.read, "path_params": values, "route": self}


@dataclass(frozen=True, slots=True)
class _Read:
    """A function with all that it is called with."""

    route: APIRoute
    solvers: Sequence[tuple[str, _Solve]]

    @classmethod
    def of(cls, route: BaseRoute) -> "_Read | None":
        """How a route is read; None if it does anything that is not known here."""
        if type(route) is not APIRoute or not _is_plain(route):
            return None
        solvers = [(one.name or "", _solver(one)) for one in route.dependant.dependencies]
        known = [(name, solve) for name, solve in solvers if solve is not None]
        return cls(route, known) if len(known) == len(solvers) else None

    async def __call__(self, request: Request) -> Response:
        """The answer, as the framework would give it."""
        dependant, errors = self.route.dependant, list[Any]()
        values = {name: await solve(request, errors) for name, solve in self.solvers}
        values |= _parameters(dependant, request, errors)
        if errors:
            raise RequestValidationError(errors)
        said = Response()
        if dependant.response_param_name:
            values[dependant.response_param_name] = said
        if dependant.request_param_name:
            values[dependant.request_param_name] = request
        found = await dependant.call(**values)  # type: ignore[misc]  # a route has a function
        return found if isinstance(found, Response) else await self._json(found, said)

    async def _json(self, found: Any, said: Response) -> Response:
        body = await serialize_response(
            field=self.route.response_field, response_content=found, dump_json=True
        )
        response = Response(body, media_type=_MEDIA_TYPE)
        response.raw_headers += [header for header in said.raw_headers if header[0] != b"content-length"]
        return response


def _beginning(path: str) -> str:
    """The part of a path that tells which service it is for: `/api/v1/titles`."""
    return "/".join(path.split("/", 4)[:4])


def _is_plain(route: APIRoute) -> bool:
    """Whether the route answers with JSON of one model, and takes nothing but parameters."""
    dependant = route.dependant
    takes_more = (
        dependant.body_params,
        dependant.cookie_params,
        dependant.background_tasks_param_name,
        dependant.security_scopes_param_name,
        dependant.http_connection_param_name,
    )
    answers_otherwise = (
        route.response_model_include,
        route.response_model_exclude,
        route.response_model_exclude_unset,
        route.response_model_exclude_defaults,
        route.response_model_exclude_none,
        route.status_code,
    )
    return (
        inspect.iscoroutinefunction(route.endpoint)
        and route.response_field is not None
        and isinstance(route.response_class, DefaultPlaceholder)
        and route.response_model_by_alias
        and not any(takes_more)
        and not any(answers_otherwise)
    )


def _solver(dependant: Dependant) -> _Solve | None:
    """How to have what a dependency gives: who asks, a service, or a class made of parameters."""
    call: Any = dependant.call
    if call in _CONTEXTS:
        return _asking(_CONTEXTS[call])
    if isinstance(call, Provide):
        return _providing(call)
    if inspect.isclass(call) and not dependant.dependencies and not dependant.body_params:
        return _making(dependant, call)
    return None


def _asking(context: Callable[[Request], Awaitable[Any]]) -> _Solve:
    async def solve(request: Request, _errors: list[Any]) -> Any:
        return await context(request)

    return solve


def _providing(provide: Provide) -> _Solve:
    async def solve(request: Request, _errors: list[Any]) -> Any:
        container: Container = request.app.state.container
        return container.get(provide.kind)

    return solve


def _making(dependant: Dependant, call: Callable[..., Any]) -> _Solve:
    async def solve(request: Request, errors: list[Any]) -> Any:
        wrong: list[Any] = []
        values = _parameters(dependant, request, wrong)
        errors += wrong
        return None if wrong else call(**values)

    return solve


def _parameters(dependant: Dependant, request: Request, errors: list[Any]) -> dict[str, Any]:
    """The function's parameters in path, query and headers, checked."""
    values: dict[str, Any] = {}
    for fields, given in (
        (dependant.path_params, lambda: request.path_params),
        (dependant.query_params, lambda: request.query_params),
        (dependant.header_params, lambda: request.headers),
    ):
        if fields:
            found, wrong = request_params_to_args(fields, given())
            values |= found
            errors += wrong
    return values
