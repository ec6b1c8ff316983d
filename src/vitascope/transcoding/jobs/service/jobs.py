"""Submitting, showing, cancelling and retrying jobs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import AccountId, Context
from vitascope.foundation.db.database import Database, Transaction, retried
from vitascope.foundation.errors import Invalid
from vitascope.foundation.ids import Ids
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.objects import ObjectMissing, Objects
from vitascope.identity.tenants.contracts import Quota, Tenants
from vitascope.identity.users.contracts import Permission
from vitascope.transcoding.jobs.contracts import (
    Job,
    JobId,
    JobIsActive,
    JobIsFinal,
    JobPriority,
    JobState,
    NoSuchJob,
    NoSuchSource,
    TooManyJobs,
)
from vitascope.transcoding.jobs.events import JobCancelled, JobSubmitted
from vitascope.transcoding.jobs.repository import jobs as repository
from vitascope.transcoding.jobs.repository import parts
from vitascope.transcoding.jobs.repository.jobs import Change
from vitascope.transcoding.jobs.service.work import TRANSCODE, Attempt

MAX_FILENAME = 255
_RETRIED: Mapping[str, Any] = {
    "problem": None,
    "stage": None,
    "progress": 0.0,
    "stage_progress": 0.0,
    "rung_progress": {},
    "seconds_left": None,
    "first_output": None,
    "started_at": None,
    "finished_at": None,
}


class JobService:
    """Implements `contracts.Jobs`."""

    def __init__(self, *, db: Database, objects: Objects, tenants: Tenants, clock: Clock, ids: Ids) -> None:
        self._db, self._objects, self._tenants = db, objects, tenants
        self._clock, self._ids = clock, ids

    async def submit(
        self,
        ctx: Context,
        *,
        source: str,
        filename: str,
        key: str,
        priority: JobPriority = JobPriority.NORMAL,
    ) -> Job:
        """Queue a job; submitting the same `key` again returns the first job."""
        ctx.require(Permission.RUN_JOBS)
        await self._require_source(ctx, source)
        most = await self._most_active(ctx)
        job = self._pending(ctx, source=source, filename=clean_filename(filename), priority=priority)
        return await self._submit(ctx, job=job, key=key, most=most)

    async def get(self, ctx: Context, *, job: JobId) -> Job:
        """One job; raises `NoSuchJob`."""
        async with self._db.read(ctx) as reader:
            found = await repository.get(reader, job=job, owner=seen_owner(ctx))
        if found is None:
            raise NoSuchJob
        return found

    async def find(
        self, ctx: Context, *, state: JobState | None, after: JobId | None, limit: int
    ) -> Sequence[Job]:
        """Jobs, newest first."""
        async with self._db.read(ctx) as reader:
            return await repository.find(reader, owner=seen_owner(ctx), state=state, after=after, limit=limit)

    async def changes(self, ctx: Context, *, job: JobId) -> Sequence[Change]:
        """Every state that a job came to, when, and why; raises `NoSuchJob`."""
        await self.get(ctx, job=job)
        async with self._db.read(ctx) as reader:
            return await repository.changes(reader, job=job)

    @retried
    async def cancel(self, ctx: Context, *, job: JobId) -> Job:
        """Stop the job and its encoders; raises `JobIsFinal`.

        The row says so from now on; its worker looks at it twice a second, wherever it runs.
        """
        ctx.require(Permission.RUN_JOBS)
        async with self._db.transaction(ctx) as tx:
            found = await self._lock(tx, job)
            if found.state not in repository.ACTIVE:
                raise JobIsFinal
            await self._move(tx, found, JobState.CANCELLED, {"finished_at": self._clock.now()})
            await parts.withdraw(tx, job=job, attempt=found.attempt)
            tx.emit(JobCancelled(job=job, source=found.source), subject=job)
            return await self._again(tx, job)

    async def retry(self, ctx: Context, *, job: JobId) -> Job:
        """Run a failed or cancelled job again; raises `JobIsActive`."""
        ctx.require(Permission.RUN_JOBS)
        most = await self._most_active(ctx)
        return await self._retry(ctx, job=job, most=most)

    @retried
    async def _retry(self, ctx: Context, *, job: JobId, most: int | None) -> Job:
        async with self._db.transaction(ctx) as tx:
            await self._require_room(tx, most)
            found = await self._lock(tx, job)
            if found.state not in {JobState.FAILED, JobState.CANCELLED}:
                raise JobIsActive
            attempt = Attempt(job=job, number=found.attempt + 1)
            await self._move(tx, found, JobState.PENDING, {**_RETRIED, "attempt": attempt.number})
            tx.start(TRANSCODE, attempt, id=attempt.workflow)
            return await self._again(tx, job)

    @retried
    async def _submit(self, ctx: Context, *, job: Job, key: str, most: int | None) -> Job:
        async with self._db.transaction(ctx) as tx:
            if most is not None:
                await repository.queue_for_room(tx)
            if not await repository.add(tx, job=job, key=key):
                return await self._first(tx, key)
            if most is not None and await repository.count_active(tx) > most:
                raise _too_many(most)
            await repository.note(tx, job=job.id, change=_change(ctx, job, at=job.created_at))
            tx.emit(
                JobSubmitted(job=job.id, source=job.source, filename=job.filename, owner=job.owner),
                subject=job.id,
            )
            attempt = Attempt(job=job.id, number=job.attempt)
            tx.start(TRANSCODE, attempt, id=attempt.workflow)
        return job

    async def _first(self, tx: Transaction, key: str) -> Job:
        """The job of this key, for those who may see it: another's key is another's."""
        found = await repository.by_key(tx, key=key)
        owner = seen_owner(tx.ctx)
        if found is None or (owner is not None and found.owner != owner):
            raise Invalid("This key names a job of somebody else; choose another.", field="Idempotency-Key")
        return found

    async def _require_room(self, tx: Transaction, most: int | None) -> None:
        if most is None:
            return
        await repository.queue_for_room(tx)
        if await repository.count_active(tx) >= most:
            raise _too_many(most)

    async def _most_active(self, ctx: Context) -> int | None:
        """How many jobs may be unfinished; the platform's own, as for uploads, wait in the queue instead."""
        if ctx.principal.platform:
            return None
        return await self._tenants.quota(ctx, quota=Quota.ACTIVE_JOBS)

    async def _require_source(self, ctx: Context, source: str) -> None:
        try:
            key = ObjectKey(source)
            if key.tenant != str(ctx.tenant):
                raise NoSuchSource(field="source")
            await self._objects.head(key)
        except (Invalid, ObjectMissing) as missing:
            raise NoSuchSource(field="source") from missing

    async def _lock(self, tx: Transaction, job: JobId) -> Job:
        found = await repository.lock(tx, job=job, owner=seen_owner(tx.ctx))
        if found is None:
            raise NoSuchJob
        return found

    async def _move(self, tx: Transaction, job: Job, state: JobState, values: Mapping[str, Any]) -> None:
        await repository.set_state(tx, job=job.id, state=state, values=values)
        change = Change(
            state=state,
            attempt=values.get("attempt", job.attempt),
            at=self._clock.now(),
            account=tx.ctx.principal.account,
            reason=None,
        )
        await repository.note(tx, job=job.id, change=change)

    async def _again(self, tx: Transaction, job: JobId) -> Job:
        found = await repository.get(tx, job=job, owner=None)
        assert found is not None  # noqa: S101 - its row is locked by this transaction
        return found

    def _pending(self, ctx: Context, *, source: str, filename: str, priority: JobPriority) -> Job:
        job = self._ids.new(JobId)
        return Job(
            id=job,
            state=JobState.PENDING,
            filename=filename,
            source=source,
            output=repository.output_of(ctx.tenant, job),
            owner=ctx.principal.account,
            attempt=1,
            progress=0.0,
            stage=None,
            created_at=self._clock.now(),
            started_at=None,
            finished_at=None,
            duration=None,
            renditions=(),
            priority=priority,
        )


def seen_owner(ctx: Context) -> AccountId | None:
    """Whose jobs the context may see: its own, or with None all of the tenant. Raises Unauthenticated."""
    return None if ctx.principal.may(Permission.SEE_ALL_JOBS) else ctx.account


def clean_filename(name: str) -> str:
    """The name as it is shown: its last part, without what cannot be printed; it is never a path here."""
    last = name.replace("\\", "/").rpartition("/")[2]
    printable = "".join(character if character.isprintable() else " " for character in last)
    return " ".join(printable.split())[:MAX_FILENAME] or "film"


def _too_many(most: int) -> TooManyJobs:
    return TooManyJobs(f"At most {most} jobs may be unfinished at once; cancel one or wait for its end.")


def _change(ctx: Context, job: Job, *, at: datetime) -> Change:
    return Change(state=job.state, attempt=job.attempt, at=at, account=ctx.principal.account, reason=None)
