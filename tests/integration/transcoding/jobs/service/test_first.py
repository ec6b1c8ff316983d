"""Films that play before they are encoded."""

from pathlib import Path

import pytest
from tests.integration.transcoding.jobs.conftest import Studio
from tests.integration.transcoding.pipeline.corpus import Corpus

from vitascope.foundation.context import Context
from vitascope.foundation.storage.keys import ObjectPrefix
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.contracts import JobState
from vitascope.transcoding.jobs.events import JobCompleted, JobFailed, JobPlayable
from vitascope.transcoding.jobs.service.settings import JobsSettings


@pytest.fixture(name="premiere")
def _premiere(platform: PlatformUnderTest, studio: Studio) -> Studio:
    """A studio that shows films of any length at once."""
    platform.container.put(JobsSettings, JobsSettings(watch_seconds=0.05, first_seconds=0))
    return studio


class TestFirst:
    async def test_plays_at_once(
        self, premiere: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """A film that plays as it is plays before it is encoded, and then from all of its rungs."""
        job = await premiere.submit(ctx, film)
        await premiere.work(premiere.run(ctx, job, dies_in="first"))
        (playable,) = await platform.events(JobPlayable)
        assert isinstance(playable, JobPlayable)
        at_once = await premiere.names(playable.output)
        waiting = await premiere.jobs.get(ctx, job=job.id)

        await premiere.work(premiere.run(ctx, job))

        done = await premiere.jobs.get(ctx, job=job.id)
        assert {"master.m3u8", "manifest.mpd", "pictures/poster.jpg"} <= at_once
        assert (playable.duration, playable.width, playable.height) == (2.0, 320, 180)
        assert (waiting.state, waiting.progress < 0.1) == (JobState.PROCESSING, True)
        assert done.state == JobState.COMPLETED
        assert await premiere.prefixes(ctx, job) == {playable.output, done.output}

    async def test_told_once(
        self, premiere: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """After a crash the film is not copied and told again."""
        job = await premiere.submit(ctx, film)
        died = premiere.run(ctx, job, dies_in="first")
        await premiere.work(died)

        await premiere.work(died.again())

        told = [type(one) for one in await platform.events(JobPlayable, JobCompleted)]
        assert told == [JobPlayable, JobCompleted]

    async def test_other_film_waits(
        self, premiere: Studio, platform: PlatformUnderTest, ctx: Context, corpus: Corpus
    ) -> None:
        """A film that does not play as it is plays when its rungs are there."""
        job = await premiere.transcode(ctx, corpus["webm"])

        assert job.state == JobState.COMPLETED
        assert await platform.events(JobPlayable) == []

    async def test_broken_film_is_not_shown(
        self, premiere: Studio, platform: PlatformUnderTest, ctx: Context, corpus: Corpus
    ) -> None:
        """A film that is cut off never plays, and fails in the words of its encoding."""
        job = await premiere.transcode(ctx, corpus["truncated"])

        assert job.problem is not None
        assert (job.state, job.problem["type"]) == (JobState.FAILED, "vitascope:incomplete-media")
        assert [type(one) for one in await platform.events(JobPlayable, JobFailed)] == [JobFailed]
        assert await premiere.names(ObjectPrefix(f"{ctx.tenant}/renditions/{job.id}/")) == set()
