"""What is removed after jobs, and what is kept for a retry."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.integration.transcoding.jobs.conftest import Studio

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context
from vitascope.foundation.testing.clock import ManualClock
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.adapters.checkpoints import prefix_of
from vitascope.transcoding.jobs.contracts import JobId, JobState
from vitascope.transcoding.jobs.events import JobMetered
from vitascope.transcoding.jobs.service.janitor import Janitor

_HOUR = 3600


@pytest.fixture(name="clock")
def _clock(platform: PlatformUnderTest) -> ManualClock:
    """The platform's clock, set before anything asks for it."""
    clock = ManualClock(datetime.now(UTC))
    platform.container.put(Clock, clock)
    return clock


@pytest.fixture(name="janitor")
def _janitor(clock: ManualClock, platform: PlatformUnderTest, studio: Studio) -> Janitor:
    del clock, studio  # both are in the container before it is made
    return platform.container.get(Janitor)


class TestScratch:
    async def test_keeps_what_a_retry_may_need(
        self, janitor: Janitor, clock: ManualClock, studio: Studio, ctx: Context, film: Path
    ) -> None:
        """The finished stages of a cancelled job are kept for a day, then they go."""
        job = await studio.submit(ctx, film)
        await studio.work(studio.run(ctx, job, dies_in="encode"))
        await studio.jobs.cancel(ctx, job=job.id)

        clock.advance(23 * _HOUR)
        await janitor.clear_scratch()
        kept = studio.scratch
        clock.advance(2 * _HOUR)
        await janitor.clear_scratch()

        assert kept == [job.id]
        assert studio.scratch == []

    async def test_leaves_running_jobs_alone(
        self, janitor: Janitor, clock: ManualClock, studio: Studio, ctx: Context, film: Path
    ) -> None:
        """However old, the folder of a job that waits or runs stays, and so does what is not a job's."""
        job = await studio.submit(ctx, film)
        await studio.work(studio.run(ctx, job, dies_in="encode"))
        (studio.data / "scratch" / "notes").mkdir()

        clock.advance(1000 * _HOUR)
        await janitor.clear_scratch()

        assert studio.scratch == sorted([job.id, "notes"])

    async def test_with_every_job(self, studio: Studio, ctx: Context, film: Path) -> None:
        """A worker that has done a job removes what others have left on its machine."""
        other = studio.platform.ids.new(JobId)
        (studio.data / "scratch" / other).mkdir(parents=True)

        await studio.transcode(ctx, film)

        assert studio.scratch == []


class TestStaged:
    async def test_removes_what_nobody_will_need(
        self, janitor: Janitor, clock: ManualClock, studio: Studio, ctx: Context, film: Path
    ) -> None:
        """What a dead worker had stored of a cancelled job goes, once its own worker has had its time."""
        job = await studio.submit(ctx, film)
        await studio.work(studio.run(ctx, job, dies_in="publish"))
        await studio.jobs.cancel(ctx, job=job.id)

        await janitor.clear_staged()
        staged = await studio.prefixes(ctx, job)
        clock.advance(_HOUR)
        await janitor.clear_staged()

        assert len(staged) == 1
        assert await studio.prefixes(ctx, job) == set()

    async def test_keeps_outputs(
        self, janitor: Janitor, clock: ManualClock, studio: Studio, ctx: Context, film: Path
    ) -> None:
        """The files of a completed job stay."""
        job = await studio.transcode(ctx, film)

        clock.advance(1000 * _HOUR)
        await janitor.clear_staged()

        assert job.state == JobState.COMPLETED
        assert await studio.prefixes(ctx, job) == {job.output}


class TestParts:
    async def test_checkpoints_are_kept_for_a_retry(
        self, janitor: Janitor, clock: ManualClock, studio: Studio, ctx: Context, film: Path
    ) -> None:
        """What a cancelled job had encoded stays in the store for a day, then it goes."""
        job = await studio.submit(ctx, film)
        await studio.work(studio.run(ctx, job, dies_in="encode"))
        await studio.jobs.cancel(ctx, job=job.id)
        prefix = prefix_of(ctx.tenant, job.id)

        clock.advance(23 * _HOUR)
        await janitor.clear_parts()
        kept = await studio.names(prefix)
        clock.advance(2 * _HOUR)
        await janitor.clear_parts()

        assert kept
        assert await studio.names(prefix) == set()

    async def test_settles_what_a_dead_worker_did_not(
        self,
        janitor: Janitor,
        clock: ManualClock,
        studio: Studio,
        platform: PlatformUnderTest,
        ctx: Context,
        film: Path,
    ) -> None:
        """What a job used is told, once, though its worker died before it could."""
        job = await studio.submit(ctx, film)
        await studio.work(studio.run(ctx, job, dies_in="encode"))
        await studio.jobs.cancel(ctx, job=job.id)

        clock.advance(_HOUR)
        await janitor.clear_parts()
        await janitor.clear_parts()

        assert len(await platform.events(JobMetered)) == 1
        assert (await studio.jobs.get(ctx, job=job.id)).cost.cpu_seconds > 0
