"""Who looks at a page: the dependencies `Guest` and `Member`, which let a session live on.

Pages differ from the API in one thing: a token that has run out is no error but a reason to go by
`/session/refresh`, which trades the refresh cookie and comes back.
"""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends
from starlette.requests import HTTPConnection, Request

from vitascope.console.theatre import cookies
from vitascope.foundation.context import Context
from vitascope.foundation.errors import Unauthenticated
from vitascope.foundation.http.auth import SESSION_COOKIE, require_same_origin, visitor

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class SessionStale(Unauthenticated):
    """Your session has to be renewed; reload the page."""


async def guest(connection: HTTPConnection) -> Context:
    """The context of whoever looks, signed in or not; raises `SessionStale` to renew a session first."""
    if cookies.is_stale(connection):
        raise SessionStale
    try:
        return await visitor(connection)
    except Unauthenticated as error:
        if SESSION_COOKIE in connection.cookies:
            raise SessionStale from error
        raise


async def member(connection: HTTPConnection) -> Context:
    """The context of a signed-in account; raises Unauthenticated, which leads to the login page."""
    ctx = await guest(connection)
    if ctx.principal.account is None:
        raise Unauthenticated
    return ctx


async def same_origin(request: Request) -> None:
    """Refuse a form that another site's page sent, signed in or not (a login too can be forged)."""
    if request.method not in _SAFE:
        require_same_origin(request)


def local_address(address: str) -> str:
    """The address if it is a page of ours, else the home page: no open redirect."""
    plain = address.isprintable() and "\\" not in address
    return address if plain and address.startswith("/") and not address.startswith("//") else "/"


def address_of(request: Request) -> str:
    """The page's own address, to come back to."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def with_next(path: str, *, back_to: str) -> str:
    """The path with the page to come back to."""
    return f"{path}?{urlencode({'next': back_to})}"


Guest = Annotated[Context, Depends(guest)]
Member = Annotated[Context, Depends(member)]
