"""What becomes of films, with real encoders on a real database."""

from pathlib import Path

from tests.integration.transcoding.jobs.conftest import Studio

from vitascope.foundation.context import Context
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.contracts import JobState
from vitascope.transcoding.jobs.events import JobCompleted, JobStarted, JobSubmitted


class TestWholeWay:
    async def test_a_film_becomes_a_set(
        self, studio: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """A job ends as completed, with both manifests and all they name in the store, and tells it once."""
        job = await studio.transcode(ctx, film)

        assert (job.state, job.progress, job.stage, job.problem) == (JobState.COMPLETED, 1.0, None, None)
        assert {"master.m3u8", "manifest.mpd", "pictures/poster.jpg"} <= await studio.names(job.output)
        assert job.output.startswith(f"{ctx.tenant}/renditions/{job.id}/a1-")
        told = await platform.events(JobSubmitted, JobStarted, JobCompleted)
        assert [type(one) for one in told] == [JobSubmitted, JobStarted, JobCompleted]
        assert told[2] == JobCompleted(
            job=job.id, source=job.source, output=job.output, duration=2.0, width=320, height=180
        )
        assert studio.scratch == []
