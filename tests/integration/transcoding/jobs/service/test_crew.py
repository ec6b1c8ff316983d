"""Parts that workers encode, with real encoders on a real database."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.integration.transcoding.jobs.conftest import Studio

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import Context
from vitascope.foundation.db.server.endpoint import Endpoint
from vitascope.foundation.module import Platform
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.objects import Objects, StorageDown
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.adapters.checkpoints import Checkpoints, prefix_of
from vitascope.transcoding.jobs.adapters.scratch import Scratch
from vitascope.transcoding.jobs.contracts import JobState
from vitascope.transcoding.jobs.repository import parts
from vitascope.transcoding.jobs.repository.parts import Claimed
from vitascope.transcoding.jobs.service.bells import Bells
from vitascope.transcoding.jobs.service.crew import Crew
from vitascope.transcoding.jobs.service.encoder import Encoder, Encoding
from vitascope.transcoding.jobs.service.settings import JobsSettings
from vitascope.transcoding.pipeline.contracts import TranscodeCancelled


def _crew_elsewhere(platform: PlatformUnderTest, studio: Studio, *, data: Path, endpoint: Endpoint) -> Crew:
    """The crew of another machine, with a disk of its own and the same store."""
    place = Platform(public_url="http://localhost", data=data, executor="elsewhere")
    checkpoints = Checkpoints(objects=studio.objects)
    return Crew(
        db=platform.db,
        endpoint=endpoint,
        platform=place,
        encoder=Encoder(objects=studio.objects, scratch=Scratch(platform=place), checkpoints=checkpoints),
        bells=Bells(),
        clock=SystemClock(),
        settings=JobsSettings(watch_seconds=0.05, hands=1),
    )


class _Deaf:
    """A crew that takes nothing."""

    async def run(self) -> None:
        """Wait."""
        await asyncio.Event().wait()


class _Faulty:
    """A store that does not answer the first few times that something is put."""

    def __init__(self, store: Objects) -> None:
        self._store = store
        self.failures = 2

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def put(self, key: ObjectKey, body: Any) -> Any:
        """Fail, or store."""
        if "/checkpoints/" in key and self.failures:
            self.failures -= 1
            raise StorageDown
        return await self._store.put(key, body)


class TestElsewhere:
    async def test_other_machine_encodes(
        self,
        studio: Studio,
        platform: PlatformUnderTest,
        ctx: Context,
        film: Path,
        endpoint: Endpoint,
        tmp_path: Path,
    ) -> None:
        """A machine that encodes nothing completes a job with what another has encoded."""
        platform.container.put(Crew, _Deaf())
        crew = _crew_elsewhere(platform, studio, data=tmp_path / "elsewhere", endpoint=endpoint)
        working = asyncio.create_task(crew.run())
        job = await studio.submit(ctx, film)

        await studio.work(studio.run(ctx, job))

        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        done = await studio.jobs.get(ctx, job=job.id)
        assert (done.state, done.duration) == (JobState.COMPLETED, 2.0)
        assert done.cpu_seconds["encode"] > 0
        assert list((tmp_path / "elsewhere" / "scratch" / job.id / "chunks").glob("*.mp4"))

    async def test_nothing_stays_in_the_store(self, studio: Studio, ctx: Context, film: Path) -> None:
        """When a job has completed, nobody keeps its parts."""
        job = await studio.transcode(ctx, film)

        assert await studio.names(prefix_of(ctx.tenant, job.id)) == set()


class TestOutage:
    async def test_store_is_away(
        self, studio: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """A part whose result cannot be stored waits and is tried again; the job completes."""
        faulty = _Faulty(studio.objects)
        platform.container.put(Objects, faulty)

        job = await studio.transcode(ctx, film)

        assert (job.state, faulty.failures) == (JobState.COMPLETED, 0)


class TestDeadlyPart:
    async def test_job_fails_with_words(
        self, studio: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """A job one of whose parts kills every worker has failed, and says so."""
        platform.container.put(
            JobsSettings, JobsSettings(watch_seconds=0.05, reap_seconds=0.05, most_deaths=1)
        )
        crew = platform.container.get(Crew)
        job = await studio.submit(ctx, film)

        async def never(_self: Encoder, _claimed: Claimed, running: Encoding) -> None:
            while not running.stop.is_set():  # noqa: ASYNC110 - as the real one, it is a flag for threads
                await asyncio.sleep(0.02)
            raise TranscodeCancelled

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Encoder, "encode", never)
            working = asyncio.create_task(studio.work(studio.run(ctx, job)))
            await _until_held(platform, by=crew.name)
            async with platform.db.system() as connection:
                await parts.bury(
                    connection,
                    worker=crew.name,
                    most_deaths=1,
                    problem={"type": "vitascope:part-given-up", "detail": "x"},
                )
            await working

        failed = await studio.jobs.get(ctx, job=job.id)
        assert failed.problem is not None
        assert (failed.state, failed.problem["type"]) == (JobState.FAILED, "vitascope:part-given-up")


async def _until_held(platform: PlatformUnderTest, *, by: str) -> None:
    async with asyncio.timeout(30):
        while True:
            async with platform.db.system() as connection:
                if by in await parts.working(connection):
                    return
            await asyncio.sleep(0.02)
