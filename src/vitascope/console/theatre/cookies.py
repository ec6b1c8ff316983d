"""The cookies in which a browser keeps its session.

- `vitascope_session`: the access token, for every address of ours, as long as the token lasts.
- `vitascope_refresh`: the refresh token, sent to `/session` only, so that no other page sees it.
- `vitascope_returning`: no secret but the second at which the access token runs out; it tells a
  page that a refresh is worth a try, and its script when to ask for one.

All are SameSite=Lax, Secure where the page came over https, and the tokens HttpOnly.
"""

from datetime import datetime

from starlette.requests import HTTPConnection
from starlette.responses import Response

from vitascope.foundation.http.auth import SESSION_COOKIE
from vitascope.identity.auth.contracts import Tokens

REFRESH_COOKIE = "vitascope_refresh"
RETURNING_COOKIE = "vitascope_returning"
SESSION_PATH = "/session"
_PATHS = {SESSION_COOKIE: "/", REFRESH_COOKIE: SESSION_PATH, RETURNING_COOKIE: "/"}


def keep(request: HTTPConnection, response: Response, *, tokens: Tokens) -> None:
    """Let the browser keep these tokens until they expire."""
    _set(request, response, SESSION_COOKIE, tokens.access_token, until=tokens.expires_at)
    _set(request, response, REFRESH_COOKIE, tokens.refresh_token, until=tokens.refresh_expires_at)
    runs_out = str(int(tokens.expires_at.timestamp()))
    _set(request, response, RETURNING_COOKIE, runs_out, until=tokens.refresh_expires_at)


def forget(request: HTTPConnection, response: Response) -> None:
    """Let the browser forget its session."""
    for name, path in _PATHS.items():
        response.delete_cookie(name, path=path, secure=_secure(request), httponly=True, samesite="lax")


def is_stale(request: HTTPConnection) -> bool:
    """Whether the access token has gone while the session may still last."""
    return RETURNING_COOKIE in request.cookies and SESSION_COOKIE not in request.cookies


def _set(request: HTTPConnection, response: Response, name: str, value: str, *, until: datetime) -> None:
    response.set_cookie(
        name,
        value,
        expires=until,
        path=_PATHS[name],
        secure=_secure(request),
        httponly=name != RETURNING_COOKIE,
        samesite="lax",
    )


def _secure(request: HTTPConnection) -> bool:
    return request.url.scheme in {"https", "wss"}
