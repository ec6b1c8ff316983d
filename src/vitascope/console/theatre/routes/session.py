"""Keeping a browser's session alive, out of sight."""

import asyncio
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response

from vitascope.console.theatre import cookies
from vitascope.console.theatre.guests import local_address
from vitascope.foundation.context import Context
from vitascope.foundation.errors import Unauthenticated
from vitascope.foundation.http.auth import Authenticator
from vitascope.foundation.wiring import Provided
from vitascope.identity.auth.contracts import RefreshedMeanwhile, SessionEnded, Sessions

GRACE = timedelta(seconds=10)
MOMENT_SECONDS = 0.2

router = APIRouter(prefix=cookies.SESSION_PATH)


async def _of_host(connection: HTTPConnection, authenticator: Provided[Authenticator]) -> Context:
    """The tenant's context without anybody signed in: the access token has run out, after all."""
    trace = connection.scope.get("vitascope.traceparent")
    return await authenticator.context(host=connection.headers.get("host", ""), credential=None, trace=trace)


Unsigned = Annotated[Context, Depends(_of_host)]


# 307 sends a form again, so a form that was filled in while the token ran out is not lost.
@router.api_route("/refresh", methods=["GET", "POST"])
async def refresh(request: Request, ctx: Unsigned, sessions: Provided[Sessions], next: str = "/") -> Response:  # noqa: A002 - the parameter's usual name
    """Renew the session if it lasts, forget it if not, and go back to the page."""
    status = HTTPStatus.TEMPORARY_REDIRECT if request.method == "POST" else HTTPStatus.SEE_OTHER
    response = RedirectResponse(local_address(next), status)
    await _renew(request, response, ctx, sessions)
    return response


@router.post("/renew")
async def renew(request: Request, ctx: Unsigned, sessions: Provided[Sessions]) -> Response:
    """The same for a script: 204, or 401 once the session is over."""
    response = Response(status_code=HTTPStatus.NO_CONTENT)
    if not await _renew(request, response, ctx, sessions):
        response.status_code = HTTPStatus.UNAUTHORIZED
    return response


async def _renew(request: Request, response: Response, ctx: Context, sessions: Sessions) -> bool:
    """Give the browser new cookies, or take the old ones away; tells whether the session goes on.

    A browser that wakes up with several tabs sends one refresh token several times. Only the first
    gets new tokens, for all of them: cookies are shared. The others wait a moment for that.
    """
    response.headers["Cache-Control"] = "no-store"
    token = request.cookies.get(cookies.REFRESH_COOKIE)
    try:
        if token is None:
            raise SessionEnded
        tokens = await sessions.refresh(ctx, refresh_token=token, grace=GRACE)
    except RefreshedMeanwhile:
        await asyncio.sleep(MOMENT_SECONDS)
    except Unauthenticated:
        cookies.forget(request, response)
        return False
    else:
        cookies.keep(request, response, tokens=tokens)
    return True
