"""A platform whose transcoding is played by the test: jobs are submitted for real and ended by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vitascope.foundation.context import AccountId, Context
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.storage.objects import Objects
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.contracts import Job, JobId, JobIsFinal, Jobs, JobState, NoSuchJob
from vitascope.transcoding.jobs.events import JobCompleted
from vitascope.video.catalog.contracts import Title, TitleId, Titles
from vitascope.video.upload.contracts import UploadId
from vitascope.video.upload.events import UploadCompleted

_AT = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass
class Transcoding:
    """Implements `Jobs` without encoders: a job stays as it is until the test ends it."""

    ids: RandomIds = field(default_factory=RandomIds)
    jobs: dict[JobId, Job] = field(default_factory=dict)
    keys: dict[str, JobId] = field(default_factory=dict)

    async def submit(self, ctx: Context, *, source: str, filename: str, key: str) -> Job:
        """Keep the job."""
        if key not in self.keys:
            job = self.ids.new(JobId)
            self.keys[key] = job
            self.jobs[job] = _pending(ctx, job, source=source, filename=filename)
        return self.jobs[self.keys[key]]

    async def get(self, ctx: Context, *, job: JobId) -> Job:
        """The job."""
        del ctx
        if job not in self.jobs:
            raise NoSuchJob
        return self.jobs[job]

    async def find(
        self, ctx: Context, *, state: JobState | None, after: JobId | None, limit: int
    ) -> Sequence[Job]:
        """All jobs."""
        del ctx, state, after
        return list(self.jobs.values())[:limit]

    async def cancel(self, ctx: Context, *, job: JobId) -> Job:
        """Cancel it unless it has ended."""
        found = await self.get(ctx, job=job)
        if found.state not in {JobState.PENDING, JobState.PROCESSING}:
            raise JobIsFinal
        self.jobs[job] = replace(found, state=JobState.CANCELLED)
        return self.jobs[job]

    async def retry(self, ctx: Context, *, job: JobId) -> Job:
        """Run it again."""
        found = await self.get(ctx, job=job)
        self.jobs[job] = replace(found, state=JobState.PENDING, attempt=found.attempt + 1)
        return self.jobs[job]

    def end(self, job: JobId, state: JobState) -> Job:
        """The job has ended."""
        self.jobs[job] = replace(self.jobs[job], state=state)
        return self.jobs[job]


class Studio:
    """Brings films into the platform as upload and transcoding would."""

    def __init__(self, platform: PlatformUnderTest, *, objects: Objects, transcoding: Transcoding) -> None:
        self.platform, self.objects, self.transcoding = platform, objects, transcoding

    async def upload(
        self,
        ctx: Context,
        *,
        title: str | None = "The Kiss",
        filename: str = "kiss.mp4",
        publish: bool = False,
        owner: AccountId | None = None,
    ) -> UploadCompleted:
        """Tell of a whole file, and let the platform do what follows."""
        upload = self.platform.ids.new(UploadId)
        key = ObjectKey.of(ctx.tenant, "uploads", upload, "source")
        await self.objects.put(key, b"film")
        event = UploadCompleted(
            upload=upload,
            object_key=str(key),
            filename=filename,
            size=4,
            owner=owner or ctx.account,
            title=title,
            publish=publish,
        )
        await self.tell(ctx, event, subject=upload)
        return event

    async def draft(self, ctx: Context, *, publish: bool = False, title: str = "The Kiss") -> Title:
        """A title in the making."""
        await self.upload(ctx, publish=publish, title=title)
        return (await self.titles.own(ctx, after=None, limit=1))[0]

    async def film(self, ctx: Context, *, publish: bool = True, title: str = "The Kiss") -> Title:
        """A title that plays, by default published."""
        return await self.complete(ctx, await self.draft(ctx, publish=publish, title=title))

    async def complete(self, ctx: Context, title: Title) -> Title:
        """The title's job is done, and its files lie in the store."""
        assert title.job is not None
        job = self.transcoding.end(title.job, JobState.COMPLETED)
        for name in ("master.m3u8", "pictures/poster.jpg"):
            await self.objects.put(ObjectKey(job.output + name), name.encode())
        done = JobCompleted(
            job=job.id, source=job.source, output=job.output, duration=18.0, width=1280, height=720
        )
        await self.tell(ctx, done, subject=job.id)
        return await self.titles.get(ctx, title=title.id)

    async def tell(self, ctx: Context, event: object, *, subject: str) -> None:
        """Emit an event of another service, and let the platform do what follows."""
        async with self.platform.db.transaction(ctx) as tx:
            tx.emit(event, subject=subject)
        await self.platform.pump()

    @property
    def titles(self) -> Titles:
        """The catalog."""
        return self.platform.container.get(Titles)  # type: ignore[type-abstract]  # a port is asked for by its Protocol

    async def keys(self) -> list[str]:
        """The names of all stored files, without their tenants."""
        return sorted(
            str(path.relative_to(self._folder)).partition("/")[2]
            for path in self._folder.rglob("*")
            if path.is_file()
        )

    @property
    def _folder(self) -> Path:
        assert isinstance(self.objects, LocalObjects)
        return self.objects._folder

    def new_title(self) -> TitleId:
        """An id that no title has."""
        return self.platform.ids.new(TitleId)


@pytest.fixture
def studio(platform: PlatformUnderTest, tmp_path: Path) -> Studio:
    """Films without encoders."""
    objects, transcoding = LocalObjects(tmp_path / "objects"), Transcoding()
    platform.container.put(Objects, objects)
    platform.container.put(Jobs, transcoding)
    return Studio(platform, objects=objects, transcoding=transcoding)


def _pending(ctx: Context, job: JobId, *, source: str, filename: str) -> Job:
    return Job(
        id=job,
        state=JobState.PENDING,
        filename=filename,
        source=source,
        output=f"{ctx.tenant}/renditions/{job}/",
        owner=ctx.principal.account,
        attempt=1,
        progress=0.0,
        stage=None,
        created_at=_AT,
        started_at=None,
        finished_at=None,
        duration=None,
        renditions=(),
    )
