"""Is the process alive, may it get requests, and what does it count: `/livez`, `/readyz`, `/metrics`."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from vitascope.foundation.errors import VitascopeError
from vitascope.foundation.telemetry.metrics import CONTENT_TYPE, Metrics

DEFAULT_TIMEOUT_SECONDS = 2.0

Check = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Registered:
    check: Check
    required: bool
    timeout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What one dependency answered; `problem` is None if it is well."""

    required: bool
    milliseconds: float
    problem: str | None

    def as_json(self) -> dict[str, Any]:
        """The members that `/readyz` shows."""
        answer: dict[str, Any] = {
            "status": "ok" if self.problem is None else "failing",
            "required": self.required,
            "latency_ms": self.milliseconds,
        }
        return answer if self.problem is None else {**answer, "detail": self.problem}


class Health:
    """The dependencies of this process and how to ask each whether it answers."""

    def __init__(self) -> None:
        self._checks: dict[str, _Registered] = {}

    def add(
        self, name: str, check: Check, *, required: bool = True, timeout: float = DEFAULT_TIMEOUT_SECONDS
    ) -> None:
        """Ask this dependency too: the check returns if it is well and raises if not."""
        if name in self._checks:
            raise ValueError(f"there is a health check named {name!r} already")
        self._checks[name] = _Registered(check=check, required=required, timeout=timeout)

    async def results(self) -> dict[str, CheckResult]:
        """Ask all dependencies at once, each within its own time."""
        answers = await asyncio.gather(*(_ask(registered) for registered in self._checks.values()))
        return dict(zip(self._checks, answers, strict=True))


def health_routes(*, health: Health, metrics: Metrics) -> list[Route]:
    """The three routes; they belong on the inner network, or behind the gateway."""

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(_: Request) -> Response:
        return _ready_response(await health.results())

    async def scrape(_: Request) -> Response:
        return Response(metrics.exposition(), headers={"content-type": CONTENT_TYPE})

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", scrape)]


def _ready_response(results: dict[str, CheckResult]) -> Response:
    failing = [result for result in results.values() if result.problem is not None]
    ready = not any(result.required for result in failing)
    body = {
        "status": "failing" if not ready else "degraded" if failing else "ok",
        "checks": {name: result.as_json() for name, result in results.items()},
    }
    return Response(
        orjson.dumps(body),
        status_code=200 if ready else 503,
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )


async def _ask(registered: _Registered) -> CheckResult:
    started = time.perf_counter()
    problem: str | None = None
    try:
        async with asyncio.timeout(registered.timeout):
            await registered.check()
    except TimeoutError:
        problem = f"no answer within {registered.timeout:g} s"
    except VitascopeError as error:
        problem = error.detail
    except Exception as error:  # noqa: BLE001 - an edge: whatever a check raises means that it is not well
        problem = type(error).__name__  # its text may hold addresses and credentials
    elapsed = round((time.perf_counter() - started) * 1000, 2)
    return CheckResult(required=registered.required, milliseconds=elapsed, problem=problem)
