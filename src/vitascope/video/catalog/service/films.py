"""What the catalog does when uploads arrive and jobs end."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import AccountId, Context, Principal
from vitascope.foundation.db.database import Database, Transaction
from vitascope.foundation.ids import Ids
from vitascope.foundation.storage.keys import ObjectKey, ObjectPrefix
from vitascope.foundation.storage.objects import Objects
from vitascope.foundation.workflows.declaration import Work
from vitascope.transcoding.jobs.contracts import Job, JobId, JobIsFinal, Jobs, NoSuchJob
from vitascope.transcoding.jobs.events import JobCancelled, JobCompleted, JobFailed, JobPlayable, JobStarted
from vitascope.transcoding.keys.contracts import Keys
from vitascope.video.catalog import repository
from vitascope.video.catalog.contracts import TitleId, TitleState, Visibility
from vitascope.video.catalog.events import TitleDrafted, TitleFailed, TitlePublished, TitleReady
from vitascope.video.catalog.repository import Made
from vitascope.video.catalog.service.changes import MAX_NAME
from vitascope.video.catalog.service.titles import Remains
from vitascope.video.upload.contracts import UploadId
from vitascope.video.upload.events import UploadCompleted

_UNNAMED = "Untitled"
_CANCELLED = {
    "type": "vitascope:job-cancelled",
    "title": "Job cancelled",
    "status": 409,
    "detail": "Its transcoding was cancelled; start it again to make it playable.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """An uploaded master that is to be transcoded, on behalf of its owner."""

    title: TitleId
    upload: UploadId
    source: str
    filename: str
    owner: AccountId


INGEST: Work[Ingest] = Work("video.catalog.ingest")


class FilmService:
    """Turns uploads into titles, and follows their jobs."""

    def __init__(
        self, *, db: Database, clock: Clock, ids: Ids, jobs: Jobs, objects: Objects, keys: Keys
    ) -> None:
        self._db, self._clock, self._ids = db, clock, ids
        self._jobs, self._objects, self._keys = jobs, objects, keys

    async def draft(self, tx: Transaction, *, upload: UploadCompleted) -> None:
        """Make the title of an upload, once, and ask for its transcoding."""
        title, name = self._ids.new(TitleId), name_of(upload)
        if not await repository.add(tx, values=_draft(upload, title, name, at=self._clock.now())):
            return
        tx.emit(TitleDrafted(title=title, name=name, owner=upload.owner, upload=upload.upload), subject=title)
        wanted = Ingest(
            title=title,
            upload=upload.upload,
            source=upload.object_key,
            filename=upload.filename,
            owner=upload.owner,
        )
        tx.start(INGEST, wanted, id=f"ingest-{upload.upload}")

    async def submit(self, ctx: Context, *, wanted: Ingest) -> JobId:
        """Submit the job, in its owner's name; again gives the same job."""
        owner = replace(ctx, principal=Principal(account=wanted.owner, platform=True))
        job = await self._jobs.submit(
            owner, source=wanted.source, filename=wanted.filename, key=str(wanted.upload)
        )
        return job.id

    async def attach(self, ctx: Context, *, title: TitleId, job: JobId) -> None:
        """Note the job of a title; if the title is gone meanwhile, the job goes too."""
        async with self._db.transaction(ctx) as tx:
            found = await repository.change(tx, title=title, values={"job": job})
        if found is None:
            await self.erase(ctx, remains=Remains(job=job, keys=[], prefixes=[]))

    async def start(self, tx: Transaction, *, event: JobStarted) -> None:
        """A failed film is tried again."""
        await repository.resume(tx, job=event.job)

    async def complete(self, tx: Transaction, *, event: JobPlayable | JobCompleted) -> None:
        """The film plays, or plays better than before; publish it if its uploader asked for that.

        Playbacks that began before go on with what they began with.
        """
        values = {
            "state": TitleState.READY.value,
            "job": event.job,
            "output": event.output,
            "duration": event.duration,
            "width": event.width,
            "height": event.height,
            "problem": None,
        }
        made = Made(source=event.source, job=event.job, values=values)
        settled = await repository.settle(tx, made, published_at=self._clock.now())
        if settled is None:
            return
        title = settled.title
        if not settled.was_ready:
            tx.emit(TitleReady(title=title.id, duration=event.duration), subject=title.id)
        if settled.published:
            tx.emit(TitlePublished(title=title.id, visibility=title.visibility), subject=title.id)

    async def fail(self, tx: Transaction, *, event: JobFailed) -> None:
        """The film cannot be made playable; keep why."""
        problem = {"type": event.problem_type, "detail": event.detail}
        await self._end(tx, job=event.job, source=event.source, problem=problem)

    async def cancel(self, tx: Transaction, *, event: JobCancelled) -> None:
        """Somebody stopped the job."""
        await self._end(tx, job=event.job, source=event.source, problem=_CANCELLED)

    async def erase(self, ctx: Context, *, remains: Remains) -> None:
        """Stop the job of a removed title, delete its files and destroy its keys.

        Doing it again changes nothing.
        """
        prefixes = list(remains.prefixes)
        if remains.job is not None:
            job = await self._stop(ctx, remains.job)
            prefixes += [job.output] if job is not None and job.output else []
        for prefix in prefixes:
            await self._objects.delete_prefix(ObjectPrefix(prefix))
        for key in remains.keys:
            await self._objects.delete(ObjectKey(key))
        if remains.job is not None:
            await self._keys.forget(ctx.as_platform(), name=str(remains.job))

    async def _end(self, tx: Transaction, *, job: JobId, source: str, problem: Mapping[str, Any]) -> None:
        values = {"state": TitleState.FAILED.value, "job": job, "problem": dict(problem)}
        settled = await repository.settle(tx, Made(source=source, job=job, values=values), published_at=None)
        if settled is not None:
            title = settled.title
            tx.emit(TitleFailed(title=title.id, detail=str(problem["detail"])), subject=title.id)

    async def _stop(self, ctx: Context, job: JobId) -> Job | None:
        """Cancel a job that may have ended; None if it is gone."""
        try:
            return await self._jobs.cancel(ctx, job=job)
        except JobIsFinal:
            return await self._jobs.get(ctx, job=job)
        except NoSuchJob:
            return None


def name_of(upload: UploadCompleted) -> str:
    """The name that the uploader gave, else the file's without its ending."""
    given = upload.title or upload.filename.rpartition(".")[0] or upload.filename
    printable = "".join(character if character.isprintable() else " " for character in given)
    return " ".join(printable.split())[:MAX_NAME] or _UNNAMED


def _draft(upload: UploadCompleted, title: TitleId, name: str, *, at: datetime) -> dict[str, Any]:
    return {
        "id": title,
        "name": name,
        "description": "",
        "tags": [],
        "people": [],
        "visibility": Visibility.PUBLIC.value,
        "state": TitleState.PROCESSING.value,
        "publish_when_ready": upload.publish,
        "created_at": at,
        "owner": upload.owner,
        "upload": upload.upload,
        "source": upload.object_key,
        "version": 1,
    }
