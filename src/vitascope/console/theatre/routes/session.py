"""Keeping a browser's session alive, out of sight."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from vitascope.console.theatre import cookies
from vitascope.console.theatre.guests import local_address
from vitascope.console.theatre.rotation import Rotation
from vitascope.foundation.context import Context
from vitascope.foundation.errors import Unauthenticated
from vitascope.foundation.http.auth import Authenticator
from vitascope.foundation.wiring import Provided
from vitascope.identity.auth.contracts import Tokens

router = APIRouter(prefix=cookies.SESSION_PATH)


async def _of_host(connection: HTTPConnection, authenticator: Provided[Authenticator]) -> Context:
    """The tenant's context without anybody signed in: the access token has run out, after all."""
    trace = connection.scope.get("vitascope.traceparent")
    return await authenticator.context(host=connection.headers.get("host", ""), credential=None, trace=trace)


Unsigned = Annotated[Context, Depends(_of_host)]


# 307 sends a form again, so a form that was filled in while the token ran out is not lost.
@router.api_route("/refresh", methods=["GET", "POST"])
async def refresh(request: Request, ctx: Unsigned, rotation: Provided[Rotation], next: str = "/") -> Response:  # noqa: A002 - the parameter's usual name
    """Renew the session if it lasts, forget it if not, and go back to the page."""
    again = request.method == "POST"
    status = HTTPStatus.TEMPORARY_REDIRECT if again else HTTPStatus.SEE_OTHER
    response = RedirectResponse(local_address(next), status)
    _settle(request, response, await _renewed(request, ctx, rotation))
    return response


@router.post("/renew")
async def renew(request: Request, ctx: Unsigned, rotation: Provided[Rotation]) -> Response:
    """The same for a script: tells when to come again, or 401 once the session is over."""
    tokens = await _renewed(request, ctx, rotation)
    if tokens is None:
        response = JSONResponse({"expires_at": None}, HTTPStatus.UNAUTHORIZED)
    else:
        response = JSONResponse({"expires_at": tokens.expires_at.isoformat()})
    _settle(request, response, tokens)
    return response


async def _renewed(request: Request, ctx: Context, rotation: Rotation) -> Tokens | None:
    token = request.cookies.get(cookies.REFRESH_COOKIE)
    if token is None:
        return None
    try:
        return await rotation.refresh(ctx, refresh_token=token)
    except Unauthenticated:
        return None


def _settle(request: Request, response: Response, tokens: Tokens | None) -> None:
    response.headers["Cache-Control"] = "no-store"
    if tokens is None:
        cookies.forget(request, response)
    else:
        cookies.keep(request, response, tokens=tokens)
