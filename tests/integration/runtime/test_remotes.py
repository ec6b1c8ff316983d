import sys
from collections.abc import AsyncIterator
from http import HTTPStatus
from subprocess import run

import pytest

from vitascope.foundation.db.server.endpoint import Endpoint
from vitascope.foundation.errors import Unavailable
from vitascope.foundation.testing.asgi import call
from vitascope.runtime.app import build_app
from vitascope.runtime.registry import MODULES
from vitascope.runtime.settings import RpcSettings, Settings
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.contracts import JobId, Jobs
from vitascope.transcoding.jobs.service.jobs import JobService
from vitascope.video.streaming.contracts import Playbacks, Streaming
from vitascope.video.streaming.service.tokens import Tokens

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def split(endpoint: Endpoint, settings: Settings) -> AsyncIterator[PlatformUnderTest]:
    """A platform whose jobs and streaming are elsewhere, where nobody answers."""
    remotes = RpcSettings(remotes={"transcoding.jobs": NOWHERE, "video.streaming": NOWHERE})
    made = PlatformUnderTest(
        settings=settings.model_copy(update={"rpc": remotes}), endpoint=endpoint, modules=MODULES
    )
    yield made
    await made.close()


class TestRemoteService:
    async def test_contract_is_a_call(self, split: PlatformUnderTest) -> None:
        """Who asks for the contract of a remote service gets calls, and an honest error while it is away."""
        jobs = split.container.get(Jobs)  # type: ignore[type-abstract]  # a contract
        ctx = split.new_context()

        with pytest.raises(Unavailable):
            await jobs.get(ctx, job=split.ids.new(JobId))

        assert not split.container.has(JobService)

    async def test_contract_that_asks_nobody_is_computed_here(self, split: PlatformUnderTest) -> None:
        """What lies in keys and settings is not asked elsewhere."""
        playbacks = split.container.get(Playbacks)  # type: ignore[type-abstract]  # a contract
        streaming = split.container.get(Streaming)  # type: ignore[type-abstract]  # the same

        assert isinstance(playbacks, Tokens)
        assert type(streaming).__name__ == "RemoteStreaming"

    async def test_its_routes_are_not_served_here(self, split: PlatformUnderTest) -> None:
        """The API of a remote service is served by its own process; the rest goes on here, degraded."""
        async with split.client() as client:
            jobs = await client.get("/api/v1/jobs")
            ready = await client.get("/readyz")

        assert jobs.status_code == HTTPStatus.NOT_FOUND
        assert (ready.status_code, ready.json()["status"]) == (HTTPStatus.OK, "degraded")
        assert NOWHERE in ready.json()["checks"]["transcoding.jobs"]["detail"]


class TestCallRoutes:
    @pytest.mark.parametrize(
        ("answers_calls", "status"), [(False, HTTPStatus.NOT_FOUND), (True, HTTPStatus.UNAUTHORIZED)]
    )
    async def test_calls_are_answered_only_where_asked_for(
        self, platform: PlatformUnderTest, answers_calls: bool, status: HTTPStatus
    ) -> None:
        """The public application knows no calls; the one that does refuses what is not signed."""
        app = build_app(platform.container, modules=MODULES, answers_calls=answers_calls)

        answer = await call(app, "POST", "/rpc/vitascope.transcoding.jobs.contracts.Jobs/find", body=b"{}")

        assert answer.status == status


class TestImports:
    def test_platform_without_remotes_loads_no_client(self) -> None:
        """A platform that is not split pays nothing for the client of remote calls."""
        program = (
            "import vitascope.runtime.processes, sys; print('vitascope.foundation.rpc.client' in sys.modules)"
        )

        done = run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

        assert done.stdout.strip() == "False"
