"""Making a page: its template, its headers, and the addresses of what it loads."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from vitascope.console.theatre import wording
from vitascope.foundation.context import ANONYMOUS, Context
from vitascope.foundation.http.security import ContentSecurityPolicy
from vitascope.identity.users.contracts import Permission
from vitascope.video.catalog.contracts import Title
from vitascope.video.streaming.contracts import Playback

_HERE = Path(__file__).parent
STATIC = _HERE / "static"

# No inline script or style anywhere; `blob:` is how a media source is handed to the video element.
POLICY = ContentSecurityPolicy(
    {
        "default-src": ("'none'",),
        "script-src": ("'self'",),
        "style-src": ("'self'",),
        "img-src": ("'self'",),
        "font-src": ("'self'",),
        "connect-src": ("'self'",),
        "media-src": ("'self'", "blob:"),
        "worker-src": ("'self'",),
        "manifest-src": ("'self'",),
        "form-action": ("'self'",),
        "base-uri": ("'none'",),
        "frame-ancestors": ("'none'",),
    }
)
_FETCHED_BY_PLAYERS = ("connect-src", "media-src", "img-src")


def render(
    request: Request, template: str, *, ctx: Context | None = None, status: int = 200, **values: Any
) -> HTMLResponse:
    """The page, with `ctx` telling whether somebody is signed in and what the navigation offers.

    A `playback` among the values opens the security policy to what its player needs.
    """
    principal = ctx.principal if ctx else ANONYMOUS
    page = {
        "path": request.url.path,
        "signed_in": principal.account is not None,
        "may_upload": principal.may(Permission.UPLOAD),
    }
    content = fragment(template, **page, **values)
    policy = str(policy_for(values.get("playback")))
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "private, no-cache",
        "Referrer-Policy": "same-origin",
        "Vary": "Cookie",
    }
    return HTMLResponse(content, status_code=status, headers=headers)


def fragment(template: str, **values: Any) -> str:
    """A piece of a page."""
    return _environment().get_template(template).render(**values)


def policy_for(playback: Playback | None) -> ContentSecurityPolicy:
    """The policy of a page that plays this, wherever its segments come from.

    `data:` is the empty file from which players make the track for their captions.
    """
    if playback is None:
        return POLICY
    policy, parts = POLICY.allowing("media-src", "data:"), urlsplit(playback.hls)
    if parts.netloc:
        for directive in _FETCHED_BY_PLAYERS:
            policy = policy.allowing(directive, f"{parts.scheme}://{parts.netloc}")
    return policy


@cache
def build() -> str:
    """What the files under `static/` are, in 12 characters: part of their address, so caches never lie."""
    digest = hashlib.sha256()
    for path in sorted(file for file in STATIC.rglob("*") if file.is_file()):
        digest.update(f"{path.relative_to(STATIC)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()[:12]


def asset(name: str) -> str:
    """The address of a file under `static/`."""
    return f"/static/{build()}/{name}"


def poster_of(title: Title) -> str:
    """The address of a title's picture."""
    return f"/api/v1/titles/{title.id}/poster?v={title.version}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(asset=asset, now=lambda: datetime.now(UTC))
    environment.filters.update(_FILTERS)
    return environment


_FILTERS: Mapping[str, Any] = {
    "clock_time": wording.clock_time,
    "spoken_time": wording.spoken_time,
    "day": wording.day,
    "count": wording.count,
    "initials": wording.initials,
    "stage": wording.stage,
    "poster": poster_of,
}
