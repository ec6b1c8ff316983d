"""Films in the store of a platform, and jobs that turn them into sets."""

from contextlib import suppress
from pathlib import Path

import pytest
from tests.integration.transcoding.pipeline.corpus import H264, Corpus, ffmpeg, picture, tone

from vitascope.foundation.context import Context
from vitascope.foundation.storage.keys import ObjectKey, ObjectPrefix
from vitascope.foundation.storage.objects import Objects
from vitascope.foundation.testing.workflows import Died, InlineRun
from vitascope.foundation.workflows.declaration import Run
from vitascope.identity.tenants.contracts import Quota, Tenants
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.contracts import Job
from vitascope.transcoding.jobs.jobs import transcode
from vitascope.transcoding.jobs.service.jobs import JobService
from vitascope.transcoding.jobs.service.settings import JobsSettings
from vitascope.transcoding.jobs.service.work import Attempt


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of moving picture with a tone."""
    file = tmp_path_factory.mktemp("films") / "film.mp4"
    ffmpeg(*picture("320x180", seconds=2), *tone(seconds=2), *H264, "-c:a", "aac", str(file))
    return file


@pytest.fixture(scope="session")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of film, which takes some seconds to encode."""
    file = tmp_path_factory.mktemp("films") / "long.mp4"
    ffmpeg(*picture("640x360", seconds=30), *H264, str(file))
    return file


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The broken and hostile ones."""
    return Corpus(tmp_path_factory.mktemp("corpus"))


class Studio:
    """Brings films in, and does what workers do."""

    def __init__(self, platform: PlatformUnderTest, *, data: Path) -> None:
        self.platform, self.data = platform, data
        self.objects: Objects = platform.container.get(Objects)  # type: ignore[type-abstract]  # a port
        self.jobs = platform.container.get(JobService)
        self._films = 0

    async def store(self, ctx: Context, film: Path) -> str:
        """Upload a film; its key."""
        self._films += 1
        key = ObjectKey.of(ctx.tenant, "uploads", f"upl_{self._films}", "source")
        await self.objects.put(key, film)
        return str(key)

    async def submit(self, ctx: Context, film: Path, *, filename: str = "kiss.mp4") -> Job:
        """Upload a film and submit a job for it, which waits for a worker."""
        source = await self.store(ctx, film)
        return await self.jobs.submit(ctx, source=source, filename=filename, key=source)

    async def transcode(self, ctx: Context, film: Path) -> Job:
        """The same, and let a worker do it to its end."""
        job = await self.submit(ctx, film)
        await self.platform.pump()
        return await self.jobs.get(ctx, job=job.id)

    def run(self, ctx: Context, job: Job, *, dies_in: str | None = None) -> InlineRun:
        """The workflow of the job's present attempt."""
        return InlineRun(ctx=ctx, id=Attempt(job=job.id, number=job.attempt).workflow, dies_in=dies_in)

    async def work(self, run: Run) -> None:
        """Do what a worker does with a workflow, until its end or the worker's death."""
        provided = self.platform.container.arguments(transcode.function)
        with suppress(Died):
            async with self.platform.at_work("transcoding.jobs"):
                await transcode.function(run, Attempt.of_workflow(run.id), **provided)

    async def prefixes(self, ctx: Context, job: Job) -> set[str]:
        """Below which prefixes something of a job lies in the store."""
        prefix = ObjectPrefix(f"{ctx.tenant}/renditions/{job.id}/")
        names = await self.names(prefix)
        return {f"{prefix}{name.partition('/')[0]}/" for name in names}

    async def names(self, prefix: str) -> set[str]:
        """What lies below a prefix, without it."""
        listing = await self.objects.page(ObjectPrefix(prefix))
        return {one.key.removeprefix(prefix) for one in listing.objects}

    @property
    def scratch(self) -> list[str]:
        """The names of the scratch folders."""
        folder = self.data / "scratch"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


class FixedQuota:
    """A directory in which every tenant has one number of everything."""

    number = 50

    async def quota(self, ctx: Context, *, quota: Quota) -> int:
        """The number."""
        del ctx, quota
        return self.number


@pytest.fixture
def quota(platform: PlatformUnderTest) -> FixedQuota:
    """What the tenant has a share of, which a test may change."""
    quota = FixedQuota()
    platform.container.put(Tenants, quota)
    return quota


@pytest.fixture
def studio(platform: PlatformUnderTest, quota: FixedQuota, tmp_path: Path) -> Studio:
    """Jobs with real encoders, on a real database and disk."""
    platform.container.put(JobsSettings, JobsSettings(watch_seconds=0.05))
    return Studio(platform, data=tmp_path / "data")
