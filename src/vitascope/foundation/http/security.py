"""Headers that keep browsers safe, and a limit on what a request may send.

Sources: OWASP ASVS 5.0 (chapters 3.4 and 4.2), OWASP Secure Headers, CSP level 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Self

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitascope.foundation.errors import TooLarge
from vitascope.foundation.http.problems import response_of

DEFAULT_BODY_BYTES = 1024 * 1024
_YEAR_SECONDS = 365 * 24 * 3600

_STRICT: Mapping[str, tuple[str, ...]] = {
    "default-src": ("'none'",),
    "script-src": ("'self'",),
    "style-src": ("'self'",),
    "img-src": ("'self'", "data:"),
    "font-src": ("'self'",),
    "connect-src": ("'self'",),
    "media-src": ("'self'", "blob:"),
    "worker-src": ("'self'", "blob:"),
    "manifest-src": ("'self'",),
    "form-action": ("'self'",),
    "base-uri": ("'none'",),
    "object-src": ("'none'",),
    "frame-ancestors": ("'none'",),
}
# What says nothing of caches is somebody's own: with a tag it is asked for again, else it is not kept.
_UNKEPT, _CHECKED = (b"cache-control", b"no-store"), (b"cache-control", b"private, no-cache")
_FEATURES_OFF = ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "usb")


@dataclass(frozen=True, slots=True)
class ContentSecurityPolicy:
    """What a page may load; strict unless an application opens one directive."""

    directives: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _STRICT)

    def allowing(self, directive: str, *sources: str) -> Self:
        """The same policy with these sources added, as in `allowing("media-src", "https://cdn.example")`."""
        present = tuple(source for source in self.directives.get(directive, ()) if source != "'none'")
        return replace(self, directives={**self.directives, directive: (*present, *sources)})

    def __str__(self) -> str:
        return "; ".join(f"{name} {' '.join(sources)}" for name, sources in self.directives.items())


class SecurityHeaders:
    """ASGI middleware: every answer carries the headers, unless the application set one itself."""

    def __init__(self, app: ASGIApp, *, policy: ContentSecurityPolicy | None = None) -> None:
        self._app = app
        self._always = _encoded(
            {
                "content-security-policy": str(policy or ContentSecurityPolicy()),
                "x-content-type-options": "nosniff",
                "x-frame-options": "DENY",
                "referrer-policy": "strict-origin-when-cross-origin",
                "permissions-policy": ", ".join(f"{feature}=()" for feature in _FEATURES_OFF),
                "cross-origin-opener-policy": "same-origin",
            }
        )
        self._https = _encoded({"strict-transport-security": f"max-age={_YEAR_SECONDS}; includeSubDomains"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add the headers to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = self._always + self._https if scope.get("scheme") == "https" else self._always

        async def secure(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                present = {name.lower() for name, _ in headers}
                headers += [header for header in wanted if header[0] not in present]
                if b"cache-control" not in present:
                    headers.append(_CHECKED if b"etag" in present else _UNKEPT)
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, secure)


class BodyLimit:
    """ASGI middleware: a body larger than the limit ends as 413, while it streams and not after.

    `larger` gives some paths another limit by their longest matching prefix, as uploads need.
    """

    def __init__(
        self, app: ASGIApp, *, limit: int = DEFAULT_BODY_BYTES, larger: Mapping[str, int] | None = None
    ) -> None:
        self._app = app
        self._limit = limit
        self._larger = sorted((larger or {}).items(), key=lambda item: len(item[0]), reverse=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on as long as its body stays within the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit, received, started = self._limit_of(scope["path"]), 0, False

        async def count(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        async def take() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _BodyTooLarge(limit)
            return message

        try:
            if _declared(scope) > limit:
                raise _BodyTooLarge(limit)  # noqa: TRY301 - the same answer whether declared or sent
            await self._app(scope, take, count)
        except _BodyTooLarge as error:
            if started:
                raise
            response = response_of(TooLarge(error.detail), headers={"connection": "close"})
            await response(scope, receive, send)

    def _limit_of(self, path: str) -> int:
        return next((limit for prefix, limit in self._larger if path.startswith(prefix)), self._limit)


class _BodyTooLarge(HTTPException):
    """An HTTPException, because FastAPI turns any other error while it reads a body into a 400."""

    def __init__(self, limit: int) -> None:
        super().__init__(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body here may have at most {limit} bytes.")


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
