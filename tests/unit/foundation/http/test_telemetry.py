import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from vitascope.foundation.http.problems import install
from vitascope.foundation.http.telemetry import UNMATCHED, Telemetry
from vitascope.foundation.telemetry.metrics import Metrics
from vitascope.foundation.telemetry.trace import current_trace
from vitascope.foundation.testing.asgi import call

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class _Watched:
    def __init__(self) -> None:
        self.lines: list[Mapping[str, Any]] = []
        self.metrics = Metrics()
        self.app = Telemetry(_application(), metrics=self.metrics, log=self.lines.append)


def _application() -> FastAPI:
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    install(app)
    inner, outer = APIRouter(prefix="/titles"), APIRouter(prefix="/tenants/{tenant}")

    @inner.get("/{title}")
    async def title(tenant: str, title: str) -> str | None:
        span = current_trace()
        return span.trace_id if span else None

    @app.get("/verify/{token}")
    async def verify(token: str) -> None:
        raise ZeroDivisionError

    async def asset_of_token(request: Request) -> Response:
        return PlainTextResponse(request.path_params["token"])

    async def asset_of_path(request: Request) -> Response:
        return PlainTextResponse(request.path_params["path"])

    async def asset(request: Request) -> Response:
        return PlainTextResponse(request.path_params["file"])

    app.router.routes.append(Route("/beacons/{token}", asset_of_token))
    app.router.routes.append(Route("/media/{token}/{path:path}", asset_of_path))
    outer.include_router(inner)
    app.include_router(outer, prefix="/api/v1")
    app.mount("/static/{theme}", Starlette(routes=[Mount("/deep", routes=[Route("/{file}", asset)])]))
    return app


@pytest.fixture(name="watched")
def _watched() -> _Watched:
    return _Watched()


class TestRoutes:
    @pytest.mark.parametrize(
        ("path", "route"),
        [
            ("/api/v1/tenants/a/titles/b", "/api/v1/tenants/{tenant}/titles/{title}"),
            ("/beacons/secret", "/beacons/{token}"),
            ("/static/dark/deep/app.css", "/static/{theme}/deep/{file}"),
            ("/media/abc/video/7.m4s", "/media/{token}/{path}"),
            ("/media/same/same", "/media/{token}/{path}"),
            ("/nowhere/else", UNMATCHED),
            ("/static/dark/nowhere", UNMATCHED),
        ],
    )
    async def test_label_is_the_template(self, watched: _Watched, path: str, route: str) -> None:
        """A request is counted under its route's template, through routers and mounts."""
        await call(watched.app, "GET", path)

        assert watched.lines[0]["route"] == route
        assert f'route="{route}"' in watched.metrics.exposition().decode()

    async def test_many_paths_are_one_series(self, watched: _Watched) -> None:
        """No client can make new series by asking for new paths or with new methods."""
        for number in range(20):
            await call(watched.app, "GET", f"/api/v1/tenants/{number}/titles/{number}")
            await call(watched.app, f"M{number}", f"/{number}")

        text = watched.metrics.exposition().decode()
        assert (
            len(
                [line for line in text.splitlines() if line.startswith("http_request_duration_seconds_count")]
            )
            == 2
        )
        assert 'method="OTHER"' in text


class TestSpan:
    async def test_goes_on_with_the_callers_trace(self, watched: _Watched) -> None:
        """The span belongs to the caller's trace, and the endpoint runs in it."""
        header = f"00-{TRACE}-00f067aa0ba902b7-01"

        answer = await call(watched.app, "GET", "/api/v1/tenants/a/titles/b", headers={"traceparent": header})

        assert answer.json() == TRACE
        line = watched.lines[0]
        assert (line["trace"], line["parent"], line["status"]) == (TRACE, "00f067aa0ba902b7", 200)

    async def test_error_is_counted(self, watched: _Watched) -> None:
        """An unexpected error is a 5xx in the line and in the metrics."""
        await call(watched.app, "GET", "/verify/canary-7f3a")

        assert (watched.lines[0]["status"], watched.lines[0]["level"]) == (500, "error")
        assert 'status="5xx"' in watched.metrics.exposition().decode()

    async def test_secret_in_the_path(self, watched: _Watched) -> None:
        """A token in the path does not reach the log."""
        await call(watched.app, "GET", "/verify/canary-7f3a")

        assert "canary" not in str(watched.lines)

    @pytest.mark.parametrize("path", ["/media/{}/7.m4s", "/media/{}", "/beacons/{}/", "/x/{}/y"])
    async def test_secret_of_a_plain_route(self, watched: _Watched, path: str) -> None:
        """Nor does one in a route that FastAPI did not make, or in a path that no route takes."""
        await call(watched.app, "GET", path.format("canary" * 8))
        await call(watched.app, "POST", path.format("canary" * 8))

        assert "canary" not in str(watched.lines)

    async def test_client_that_goes_away(self, watched: _Watched) -> None:
        """A request that is cancelled before its answer is told as 499, and stays cancelled."""

        async def never(_: Any, __: Any, ___: Any) -> None:
            await asyncio.Event().wait()

        app = Telemetry(never, metrics=Metrics(), log=watched.lines.append)
        task = asyncio.create_task(call(app, "GET", "/"))
        await asyncio.sleep(0.01)

        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
        assert watched.lines[0]["status"] == 499
