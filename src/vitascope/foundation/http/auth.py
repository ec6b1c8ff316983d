"""Who sends a request: the dependencies `SignedIn`, `Visitor` and `Unsigned`, and the port behind them."""

from typing import Annotated, Protocol

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from vitascope.foundation.context import Context
from vitascope.foundation.errors import Forbidden, Unauthenticated
from vitascope.foundation.wiring import Container

SESSION_COOKIE = "vitascope_session"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

# Read for the OpenAPI document's sake: it names the scheme; `_credential` below reads the header itself.
_Documented = Annotated[
    HTTPAuthorizationCredentials | None,
    Depends(HTTPBearer(auto_error=False, description="An access token or an API key")),
]


class Authenticator(Protocol):
    """Turns a credential into a context; `identity.auth` implements it."""

    async def context(self, *, host: str, credential: str | None, trace: str | None) -> Context:
        """The context of a request to this host.

        `credential` is an access token, an API key, or None for an anonymous visitor; raises
        Unauthenticated if it is no longer or was never valid, NotFound if the host has no tenant.
        """


class CrossSiteRequest(Forbidden):
    """This request was sent by a page of another site, on your cookie's behalf."""


async def visitor(connection: HTTPConnection, _scheme: _Documented = None) -> Context:
    """The context of whoever sends the request, signed in or not."""
    known: Context | None = getattr(connection.state, "context", None)
    if known is not None:
        return known
    context = await _context(connection, credential=_credential(connection))
    connection.state.context = context
    return context


async def unsigned(connection: HTTPConnection) -> Context:
    """The context of nobody at this host: who signs in or up may still carry a credential that is over."""
    return await _context(connection, credential=None)


async def signed_in(connection: HTTPConnection, _scheme: _Documented = None) -> Context:
    """The context of a signed-in account; raises Unauthenticated for a visitor."""
    context = await visitor(connection)
    if context.principal.account is None:
        raise Unauthenticated
    return context


async def _context(connection: HTTPConnection, *, credential: str | None) -> Context:
    container: Container = connection.app.state.container
    authenticator = container.get(Authenticator)  # type: ignore[type-abstract]  # a port is asked for by its Protocol
    return await authenticator.context(
        host=connection.headers.get("host", ""),
        credential=credential,
        trace=connection.scope.get("vitascope.traceparent"),
    )


def _credential(connection: HTTPConnection) -> str | None:
    """The bearer token, else the page's cookie; a cookie from another site's page changes nothing."""
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    if kind:
        return token.strip() if kind.lower() == "bearer" else None
    cookie = connection.cookies.get(SESSION_COOKIE)
    if cookie and connection.scope.get("method", "GET") not in _SAFE:
        require_same_origin(connection)
    return cookie


def require_same_origin(connection: HTTPConnection) -> None:
    """Refuse what a browser marks as cross-site (Fetch Metadata; Origin where that is missing)."""
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin")
    if site is not None:
        allowed = site in {"same-origin", "none"}
    else:
        allowed = origin is None or origin.partition("://")[2] == connection.headers.get("host")
    if not allowed:
        raise CrossSiteRequest


Visitor = Annotated[Context, Depends(visitor)]
SignedIn = Annotated[Context, Depends(signed_in)]
Unsigned = Annotated[Context, Depends(unsigned)]
