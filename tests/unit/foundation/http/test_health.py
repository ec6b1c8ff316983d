import asyncio

import pytest
from starlette.applications import Starlette

from vitascope.foundation.errors import Unavailable
from vitascope.foundation.http.health import Health, health_routes
from vitascope.foundation.telemetry.metrics import Metrics
from vitascope.foundation.testing.asgi import call


async def _well() -> None:
    return None


async def _hanging() -> None:
    await asyncio.Event().wait()


async def _broken() -> None:
    raise ConnectionError("postgres://user:canary@db")


async def _known() -> None:
    raise Unavailable("Redis does not answer.")


def _serving(health: Health) -> Starlette:
    return Starlette(routes=health_routes(health=health, metrics=Metrics()))


class TestReadyz:
    async def test_all_well(self) -> None:
        """With every dependency _well, the process is ready and says how long each took."""
        health = Health()
        health.add("database", _well)

        answer = await call(_serving(health), "GET", "/readyz")

        assert answer.status == 200
        assert answer.json()["checks"]["database"]["status"] == "ok"
        assert answer.json()["checks"]["database"]["latency_ms"] >= 0

    async def test_required_fails(self) -> None:
        """One required dependency that fails makes it 503, named, without the error's text."""
        health = Health()
        health.add("database", _broken)
        health.add("disk", _well)

        answer = await call(_serving(health), "GET", "/readyz")

        assert (answer.status, answer.json()["status"]) == (503, "failing")
        assert answer.json()["checks"]["database"]["detail"] == "ConnectionError"
        assert b"canary" not in answer.body

    async def test_optional_fails(self) -> None:
        """A dependency that is not required only degrades."""
        health = Health()
        health.add("cache", _known, required=False)

        answer = await call(_serving(health), "GET", "/readyz")

        assert (answer.status, answer.json()["status"]) == (200, "degraded")
        assert answer.json()["checks"]["cache"]["detail"] == "Redis does not answer."

    async def test_hanging_check_is_cut(self) -> None:
        """A dependency that never answers costs its own time limit and no more."""
        health = Health()
        health.add("broker", _hanging, timeout=0.05)
        health.add("search", _hanging, timeout=0.05)

        answer = await asyncio.wait_for(call(_serving(health), "GET", "/readyz"), 30)

        assert answer.json()["checks"]["broker"]["detail"] == "no answer within 0.05 s"

    def test_name_is_unique(self) -> None:
        """Two checks of one name are a mistake of the composition."""
        health = Health()
        health.add("database", _well)

        with pytest.raises(ValueError, match="database"):
            health.add("database", _well)


class TestLivezAndMetrics:
    async def test_livez_asks_nobody(self) -> None:
        """The process is alive even if its dependencies are not."""
        health = Health()
        health.add("database", _broken)

        assert (await call(_serving(health), "GET", "/livez")).body == b"ok"

    async def test_metrics(self) -> None:
        """Metrics come in the format that Prometheus scrapes."""
        metrics = Metrics()
        metrics.counter("uploads", "Uploads begun.").labels().inc()
        app = Starlette(routes=health_routes(health=Health(), metrics=metrics))

        answer = await call(app, "GET", "/metrics")

        assert answer.headers["content-type"].startswith("text/plain; version=")
        assert b"uploads_total 1.0" in answer.body
