"""PostgreSQL dies while a film is encoded."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from vitascope.foundation.context import Context
from vitascope.foundation.db.bootstrap import bootstrap
from vitascope.foundation.db.database import DatabaseUnavailable
from vitascope.foundation.db.migrations import upgrade
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.db.server.supervisor import Server
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.objects import Objects
from vitascope.foundation.testing.postgres import private_server
from vitascope.foundation.workflows.engine import Pace, Workflows, prepare
from vitascope.foundation.workflows.status import State
from vitascope.identity.tenants.module import module as tenants
from vitascope.identity.users.contracts import Permission
from vitascope.runtime.registry import histories
from vitascope.runtime.settings import settings_type
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.contracts import Job, JobState
from vitascope.transcoding.jobs.events import JobCompleted
from vitascope.transcoding.jobs.module import module as jobs
from vitascope.transcoding.jobs.service.jobs import JobService
from vitascope.transcoding.jobs.service.work import Attempt
from vitascope.transcoding.keys.module import module as keys

_MODULES = (tenants, keys, jobs)
_PATIENCE_SECONDS = 120  # what waits for a dead database tries again after pauses that double


@pytest.fixture(name="server")
def _server() -> Iterator[Server]:
    with private_server(durable=True) as server:
        yield server


@pytest.fixture(name="small_platform")
async def _small_platform(server: Server, tmp_path: Path) -> AsyncIterator[PlatformUnderTest]:
    endpoint: Endpoint = await asyncio.to_thread(lambda: bootstrap(server.start()))
    await asyncio.to_thread(upgrade, endpoint.dsn(Role.OWNER, driver="+psycopg"), histories())
    await asyncio.to_thread(prepare, endpoint.dsn(Role.OWNER))
    settings = settings_type(_MODULES)(data=tmp_path / "data")
    platform = PlatformUnderTest(settings=settings, endpoint=endpoint, modules=_MODULES)
    yield platform
    await platform.close()


@pytest.fixture(name="workflows")
async def _workflows(small_platform: PlatformUnderTest) -> AsyncIterator[Workflows]:
    dsn = small_platform.endpoint.dsn(Role.SYSTEM)
    made = Workflows(dsn=dsn, db=small_platform.db, pace=Pace(poll_seconds=0.05))
    made.register(jobs.jobs, small_platform.container)
    await made.launch()
    async with small_platform.at_work("transcoding.jobs"):
        yield made
    await made.shutdown()


async def _until(service: JobService, ctx: Context, job: Job, *, state: JobState, stage: str | None) -> Job:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            with contextlib.suppress(DatabaseUnavailable):  # its connections died with it
                found = await service.get(ctx, job=job.id)
                assert found.problem is None
                if (found.state, found.stage) == (state, stage):
                    return found
            await asyncio.sleep(0.02)


class TestKill:
    async def test_job_outlives_the_database(
        self, server: Server, small_platform: PlatformUnderTest, workflows: Workflows, long_film: Path
    ) -> None:
        """While PostgreSQL is dead and recovers, the encoder goes on; the job completes, and says so once."""
        ctx = small_platform.new_context(*Permission)
        objects = small_platform.container.get(Objects)  # type: ignore[type-abstract]  # a port
        service = small_platform.container.get(JobService)
        key = ObjectKey.of(ctx.tenant, "uploads", "upl_1", "source")
        await objects.put(key, long_film)
        job = await service.submit(ctx, source=key, filename="kiss.mp4", key="1")
        attempt = Attempt(job=job.id, number=1)
        await workflows.start(ctx, jobs.jobs[0], attempt, id=attempt.workflow)
        await _until(service, ctx, job, state=JobState.PROCESSING, stage="encode")

        pid = server.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(1)
        await asyncio.to_thread(server.start)

        done = await _until(service, ctx, job, state=JobState.COMPLETED, stage=None)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while (await workflows.status(attempt.workflow)).state is not State.DONE:  # noqa: ASYNC110 - the engine does it
                await asyncio.sleep(0.05)

        assert done.attempt == 1
        assert len(await small_platform.events(JobCompleted)) == 1
