"""The one middleware that watches requests: a span, a metric and one log line for each.

The histogram's own count is the number of requests: a counter beside it would cost a microsecond to
say the same.

It stands outermost. It labels by the route's template, never by the path, so that no client can
make new series.
"""

import inspect
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitascope.foundation.telemetry.durations import Durations
from vitascope.foundation.telemetry.logs import timestamp
from vitascope.foundation.telemetry.metrics import Metrics
from vitascope.foundation.telemetry.redaction import is_secret_name
from vitascope.foundation.telemetry.trace import TraceContext, enter_span, leave_span, span_under

UNMATCHED = "unmatched"
_CLASSES = ("", "1xx", "2xx", "3xx", "4xx", "5xx")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SERVER_ERROR = 500
_CLIENT_CLOSED = 499
_MAX_PATH = 300

_PARAMETER = re.compile(r"{(\w+)}")
# Longer than our ids, shorter than any token: where no route says what a part is, it is not shown.
_LONG_PART = re.compile(r"[^/]{36,}")

RequestLog = Callable[[Mapping[str, Any]], None]


class Telemetry:
    """Pure ASGI middleware around an application. Pass no `log` to write no request lines."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, log: RequestLog | None = None) -> None:
        self._app = app
        self._log = log
        self._durations = Durations(
            "http_request_duration_seconds",
            "Time to the end of the answer, by route.",
            ("method", "route", "status"),
            registry=metrics.registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on within its span, and tell how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        span = span_under(_header(scope, b"traceparent"))
        root = scope.get("root_path", "")
        status = 0

        def watch(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        token = enter_span(span)
        started = time.perf_counter()
        try:
            await self._app(scope, receive, watch)
        except Exception:
            status = _SERVER_ERROR
            raise
        finally:
            seconds = time.perf_counter() - started
            leave_span(token)
            route = route_template(scope, root=root)
            self._count(scope["method"], route, status or _CLIENT_CLOSED, seconds)
            if self._log is not None:
                self._log(_line(scope, span, route, (status or _CLIENT_CLOSED, seconds)))

    def _count(self, method: str, route: str, status: int, seconds: float) -> None:
        shown = method if method in _METHODS else "OTHER"
        self._durations.observe((shown, route, _CLASSES[status // 100]), seconds)


def _line(scope: Scope, span: TraceContext, route: str, outcome: tuple[int, float]) -> dict[str, Any]:
    """One request as its log line; `outcome` is the status and the seconds it took."""
    status, seconds = outcome
    return {
        "time": timestamp(),
        "level": "error" if status >= _SERVER_ERROR else "info",
        "event": "request",
        "method": scope["method"],
        "path": shown_path(scope, route),
        "route": route,
        "status": status,
        "ms": round(seconds * 1000, 3),
        "trace": span.trace_id,
        "span": span.span_id,
        "parent": span.parent_id,
    }


def shown_path(scope: Scope, route: str | None = None) -> str:
    """The path as it may stand in a log: without the tokens that some paths hold."""
    template = route or route_template(scope)
    if template == UNMATCHED:
        return _LONG_PART.sub("…", str(scope["path"]))[:_MAX_PATH]
    return template if _has_secret(template) else str(scope["path"])[:_MAX_PATH]


@lru_cache(maxsize=1024)
def _has_secret(route: str) -> bool:
    """Whether a part of the route's path is a secret, as in the link of an e-mail."""
    return any(is_secret_name(name) for name in _PARAMETER.findall(route))


def route_template(scope: Scope, *, root: str = "") -> str:
    """The template of the route that answered, such as `/api/v1/titles/{title}`."""
    route = scope.get("route")
    if route is None:
        return _plain_template(scope)
    included = scope.get("fastapi", {}).get("effective_route_context")  # knows the prefixes of its routers
    template = getattr(included, "path_format", None) or getattr(route, "path_format", UNMATCHED)
    mounted = scope.get("root_path", "").removeprefix(root)
    return _mount_template(scope, mounted) + str(template) if mounted else str(template)


def _plain_template(scope: Scope) -> str:
    """The template of a plain Starlette route, which leaves only its endpoint and parameters behind."""
    parameters = scope.get("path_params") or {}
    if not inspect.isroutine(scope.get("endpoint")):
        return UNMATCHED  # nothing matched, or a mounted application in which nothing did
    # the last first: a parameter of a whole path ends it, and may hold the others' text
    template = str(scope["path"])
    for name, value in reversed(parameters.items()):
        head, found, tail = template.rpartition(f"/{value}")
        if not found:
            return UNMATCHED
        template = f"{head}/{{{name}}}{tail}"
    return template


def _mount_template(scope: Scope, mounted: str) -> str:
    for name, value in scope.get("path_params", {}).items():
        mounted = mounted.replace(f"/{value}", f"/{{{name}}}")
    return mounted


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return None
