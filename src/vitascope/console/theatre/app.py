"""The pages as one application of their own: their errors are pages too."""

from http import HTTPStatus

import structlog
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitascope.console.theatre import guests
from vitascope.console.theatre.guests import SessionStale
from vitascope.console.theatre.pages import render
from vitascope.console.theatre.routes import accounts, home, session, static, titles, uploads
from vitascope.foundation.context import Context
from vitascope.foundation.errors import NotFound, Unauthenticated, VitascopeError
from vitascope.foundation.http.problems import problem_of, response_of
from vitascope.foundation.http.telemetry import shown_path
from vitascope.foundation.wiring import Container

API_PREFIX = "/api/"
_UNEXPECTED = int(HTTPStatus.INTERNAL_SERVER_ERROR)

_log = structlog.stdlib.get_logger(__name__)


def pages(container: Container) -> list[BaseRoute]:
    """The one route behind which all pages are."""
    return [BehindEverything("/", app=build_app(container), name="theatre")]


def build_app(container: Container) -> FastAPI:
    """The application of the pages; it has no API document, because pages are no API."""
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(guests.same_origin)],
    )
    app.state.container = container
    for part in (home, accounts, session, titles, uploads, static):
        app.include_router(part.router)
    for kind in (VitascopeError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, tell)
    app.add_middleware(UnexpectedErrors)
    return app


class BehindEverything(Mount):
    """A mount that takes only what no other route takes, not even one with another method."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match partially, so that a full match or a `405` of any other route wins; never the API."""
        match, child_scope = super().matches(scope)
        if match is Match.NONE or scope["path"].startswith(API_PREFIX):
            return Match.NONE, {}
        return Match.PARTIAL, child_scope


async def tell(request: Request, error: Exception) -> Response:
    """The answer to an error: a way to sign in, else a page for people and a problem for programs."""
    problem = NotFound() if _is_bad_address(error) else problem_of(error) or VitascopeError()
    if not wants_page(request):
        return response_of(problem)
    if isinstance(problem, SessionStale):
        return _go(request, guests.with_next("/session/refresh", back_to=guests.address_of(request)))
    if isinstance(problem, Unauthenticated):
        back_to = guests.address_of(request) if request.method in {"GET", "HEAD"} else "/"
        return RedirectResponse(guests.with_next("/login", back_to=back_to), HTTPStatus.SEE_OTHER)
    ctx = await _whoever(request)
    return render(request, "error.html", ctx=ctx, status=int(problem.status), problem=problem)


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks for a page, not htmx or a script for a piece of one."""
    return "text/html" in request.headers.get("accept", "") and "hx-request" not in request.headers


class UnexpectedErrors:
    """ASGI middleware: what nobody expected becomes a page that says so, and nothing of the inside.

    Programs get the problem document of the application around this one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer for whatever comes out of it."""
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            request = Request(scope)
            if started or not wants_page(request):
                raise
            await _log.aerror("theatre.page_failed", path=shown_path(scope), exc_info=error)
            page = render(request, "error.html", status=_UNEXPECTED, problem=VitascopeError())
            await page(scope, receive, send)


def _is_bad_address(error: Exception) -> bool:
    """Whether the path names something that cannot be, such as an id that is none."""
    return isinstance(error, RequestValidationError) and error.errors()[0]["loc"][0] == "path"


async def _whoever(request: Request) -> Context | None:
    """Who sees the error, for the navigation on its page; an error there must not hide this one."""
    try:
        return await guests.guest(request)
    except VitascopeError:
        return None


def _go(request: Request, address: str) -> Response:
    """Redirect; a form is sent again to the new address, with what was filled in."""
    again = request.method not in {"GET", "HEAD"}
    return RedirectResponse(address, HTTPStatus.TEMPORARY_REDIRECT if again else HTTPStatus.SEE_OTHER)
