"""Jobs as they change."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from tests.integration.transcoding.jobs.conftest import Studio

from vitascope.foundation.context import Context
from vitascope.foundation.ids import RandomIds
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.contracts import Job, JobId, JobState
from vitascope.transcoding.jobs.service import feed as feeds
from vitascope.transcoding.jobs.service.feed import JobFeed


@pytest.fixture(name="feed")
def _feed(platform: PlatformUnderTest, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> JobFeed:
    del studio
    monkeypatch.setattr(feeds, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(feeds, "QUIET_SECONDS", 0.2)
    return platform.container.get(JobFeed)


async def _told(watching: AsyncGenerator[list[Job]]) -> list[Job]:
    """What is told next, however long it is quiet before."""
    return await anext(told async for told in watching if told)


class TestWatch:
    async def test_one_job(self, feed: JobFeed, studio: Studio, ctx: Context, film: Path) -> None:
        """Who watches a job gets it as it stands, then as it changes, and when all is quiet nothing."""
        job, _other = await studio.submit(ctx, film), await studio.submit(ctx, film)
        watching = feed.watch(job=job.id)

        first = await _told(watching)
        quiet = await anext(watching)
        cancelled = await studio.jobs.cancel(ctx, job=job.id)
        changed = await _told(watching)
        await watching.aclose()

        assert (first, quiet, changed) == ([job], [], [cancelled])

    async def test_an_owners_jobs(
        self, feed: JobFeed, studio: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """Who watches the own jobs hears of new ones too, and of nobody else's."""
        first = await studio.submit(ctx, film)
        await studio.submit(platform.new_context(*ctx.principal.permissions, tenant=ctx.tenant), film)
        watching = feed.watch(owner=ctx.account)

        before = await _told(watching)
        second = await studio.submit(ctx, film)
        after = await _told(watching)
        await watching.aclose()

        assert (before, after) == ([first], [second])

    async def test_end_between_ticks(self, feed: JobFeed, studio: Studio, ctx: Context, film: Path) -> None:
        """A job that has ended since the last look is still told."""
        job = await studio.submit(ctx, film)
        watching = feed.watch(owner=ctx.account)
        await _told(watching)

        await studio.jobs.cancel(ctx, job=job.id)
        told = await _told(watching)
        await watching.aclose()

        assert [one.state for one in told] == [JobState.CANCELLED]

    async def test_many_watch_at_the_price_of_one(
        self, feed: JobFeed, platform: PlatformUnderTest, studio: Studio, ctx: Context, film: Path
    ) -> None:
        """However many watch however many jobs, a look costs one statement; nobody watching costs none."""
        jobs = [await studio.submit(ctx, film) for _ in range(3)]
        watching = [feed.watch(job=one.id) for one in jobs for _ in range(5)]
        await asyncio.gather(*(anext(one) for one in watching))

        with platform.statements() as watched:
            await feed.tick()
        for one in watching:
            await one.aclose()
        with platform.statements() as unwatched:
            await asyncio.sleep(0.1)

        assert watched.count == 1
        assert unwatched.count == 0

    async def test_nothing_there(self, feed: JobFeed) -> None:
        """A job that there is not is told by silence."""
        watching = feed.watch(job=RandomIds().new(JobId))

        told = await anext(watching)
        await watching.aclose()

        assert told == []
