"""All SQL of transcoding jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, case, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from vitascope.foundation.context import AccountId, TenantId
from vitascope.foundation.db.database import Reader, Transaction
from vitascope.foundation.encoding import from_plain, to_plain
from vitascope.transcoding.jobs.contracts import Job, JobCost, JobId, JobPriority, JobRendition, JobState
from vitascope.transcoding.jobs.models import history, jobs

ACTIVE = (JobState.PENDING, JobState.PROCESSING)

_OTHERWISE = {"state", "output", "renditions", "warnings", "priority", "cost"}
_AS_THEY_ARE = [name for name in Job.__dataclass_fields__ if name not in _OTHERWISE]
_PRIORITIES = tuple(JobPriority)
_VIEW = [
    jobs.c.tenant_id,
    jobs.c.state,
    jobs.c.output,
    jobs.c.renditions,
    jobs.c.warnings,
    jobs.c.priority,
    jobs.c.cost,
    *(jobs.c[name] for name in _AS_THEY_ARE),
]
# Two submissions at once would both find room: those of one tenant go one after the other.
_ONE_BY_ONE = text("SELECT pg_advisory_xact_lock(hashtext('transcoding_jobs'), hashtext(:tenant))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A state that a job came to."""

    state: JobState
    attempt: int
    at: datetime
    account: AccountId | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """A job that has ended and of which there may be rubbish in the object store."""

    tenant: TenantId
    job: JobId


def output_of(tenant: TenantId, job: JobId) -> str:
    """The prefix of everything that is made for a job."""
    return f"{tenant}/renditions/{job}/"


def _view(row: Row[Any]) -> Job:
    return Job(
        **{name: getattr(row, name) for name in _AS_THEY_ARE},
        state=JobState(row.state),
        output=row.output or output_of(row.tenant_id, row.id),
        renditions=from_plain(row.renditions, tuple[JobRendition, ...]),
        warnings=tuple(row.warnings),
        priority=_PRIORITIES[row.priority],
        cost=from_plain(row.cost, JobCost),
    )


async def queue_for_room(tx: Transaction) -> None:
    """Let nobody else count or add jobs of the tenant until this transaction ends."""
    await tx.execute(_ONE_BY_ONE, {"tenant": str(tx.ctx.tenant)})


async def count_active(reader: Reader) -> int:
    """How many of the tenant's jobs have not ended."""
    return await reader.scalar(select(func.count()).select_from(jobs).where(jobs.c.state.in_(ACTIVE))) or 0


async def add(tx: Transaction, *, job: Job, key: str) -> bool:
    """Keep a new job; False, and nothing changes, if there is one of this key."""
    values = {name: getattr(job, name) for name in _AS_THEY_ARE}
    values |= {"key": key, "state": job.state, "priority": _PRIORITIES.index(job.priority)}
    values |= {"renditions": [], "warnings": [], "staged": [], "cost": {}, "checkpoints": False}
    added = upsert(jobs).inline().values(values).on_conflict_do_nothing(index_elements=["tenant_id", "key"])
    return await tx.execute(added) == 1


async def by_key(reader: Reader, *, key: str) -> Job | None:
    """The job that its submitter calls so."""
    row = await reader.first(select(*_VIEW).where(jobs.c.key == key))
    return _view(row) if row is not None else None


async def get(reader: Reader, *, job: JobId, owner: AccountId | None) -> Job | None:
    """A job, of this owner where one is named."""
    row = await reader.first(_owned(select(*_VIEW).where(jobs.c.id == job), owner))
    return _view(row) if row is not None else None


async def lock(tx: Transaction, *, job: JobId, owner: AccountId | None) -> Job | None:
    """The same, and nobody else changes it until this transaction ends."""
    query = _owned(select(*_VIEW).where(jobs.c.id == job), owner).with_for_update()
    row = await tx.first(query)
    return _view(row) if row is not None else None


async def find(
    reader: Reader, *, owner: AccountId | None, state: JobState | None, after: JobId | None, limit: int
) -> Sequence[Job]:
    """Jobs, newest first; ids grow with time."""
    query = _owned(select(*_VIEW), owner)
    if state is not None:
        query = query.where(jobs.c.state == state)
    if after is not None:
        query = query.where(jobs.c.id < after)
    return [_view(row) for row in await reader.rows(query.order_by(jobs.c.id.desc()).limit(limit))]


async def watched(
    connection: AsyncConnection, *, ids: Sequence[JobId], owners: Sequence[AccountId], since: datetime
) -> Sequence[Job]:
    """Over all tenants: these jobs, and those of these owners that run or have ended since."""
    lively = or_(jobs.c.state.in_(ACTIVE), jobs.c.finished_at >= since)
    query = select(*_VIEW).where(or_(jobs.c.id.in_(ids), and_(jobs.c.owner.in_(owners), lively)))
    return [_view(row) for row in await connection.execute(query.order_by(jobs.c.id))]


async def changes(reader: Reader, *, job: JobId) -> Sequence[Change]:
    """Every state that the job came to, in order."""
    query = select(*(history.c[name] for name in Change.__dataclass_fields__)).where(history.c.job == job)
    return [
        Change(state=JobState(r.state), attempt=r.attempt, at=r.at, account=r.account, reason=r.reason)
        for r in await reader.rows(query.order_by(history.c.attempt, history.c.at))
    ]


async def note(tx: Transaction, *, job: JobId, change: Change) -> None:
    """Remember a state that the job came to."""
    values = {name: getattr(change, name) for name in Change.__dataclass_fields__}
    await tx.execute(insert(history).values(job=job, **values))


async def set_state(
    tx: Transaction, *, job: JobId, state: JobState, values: Mapping[str, Any] | None = None
) -> None:
    """Bring a locked job to a state, with what changes along."""
    await tx.execute(update(jobs).where(jobs.c.id == job).values(state=state, **(values or {})))


async def beat(
    tx: Transaction, *, job: JobId, attempt: int, progress: float, values: Mapping[str, Any]
) -> bool:
    """Tell how far this attempt is; False, and nothing changes, if it is not the one that should run."""
    further = {**values, "progress": func.greatest(jobs.c.progress, progress)}
    moved = _running(job, attempt).values(further)
    return await tx.execute(moved) == 1


async def note_stage(
    tx: Transaction, *, job: JobId, attempt: int, seconds: Mapping[str, float], cpu: Mapping[str, float]
) -> None:
    """Keep what a stage took; one that found its work done (no CPU) keeps what it took the first time."""
    done_before = not any(cpu.values())
    await tx.execute(
        _running(job, attempt).values(
            seconds=_merged(jobs.c.seconds, seconds, first=done_before),
            cpu_seconds=_merged(jobs.c.cpu_seconds, cpu, first=done_before),
        )
    )


async def stage(tx: Transaction, *, job: JobId, attempt: int, prefix: str) -> bool:
    """Remember that this attempt writes below a prefix; False if it is not the one that should run."""
    staged = _running(job, attempt).values(staged=func.array_append(jobs.c.staged, prefix))
    return await tx.execute(staged) == 1


async def staged(reader: Reader, *, job: JobId) -> Sequence[str]:
    """The prefixes below which an ended job has written and that nobody needs."""
    query = select(jobs.c.staged, jobs.c.output, jobs.c.first_output)
    row = await reader.first(query.where(jobs.c.id == job, jobs.c.state.not_in(ACTIVE)))
    needed = (row.output, row.first_output) if row is not None else ()
    return [one for one in row.staged if one not in needed] if row is not None else []


async def first_output(reader: Reader, *, job: JobId) -> str | None:
    """The prefix from which the film plays while it is being encoded, if it does."""
    found: str | None = await reader.scalar(select(jobs.c.first_output).where(jobs.c.id == job))
    return found


async def show_first(tx: Transaction, *, job: JobId, prefix: str) -> None:
    """The film plays from this prefix now."""
    await tx.execute(update(jobs).where(jobs.c.id == job).values(first_output=prefix))


async def leave_first(connection: AsyncConnection, *, before: datetime) -> None:
    """Over all tenants: what films played from whose jobs ended before this is rubbish from now on."""
    ended = jobs.c.state.not_in(ACTIVE) & (jobs.c.finished_at < before)
    await connection.execute(
        update(jobs).where(ended, jobs.c.first_output.is_not(None)).values(first_output=None)
    )


async def unstage(tx: Transaction, *, job: JobId, prefixes: Sequence[str]) -> None:
    """Forget prefixes below which there is nothing any more."""
    kept: Any = jobs.c.staged
    for one in prefixes:
        kept = func.array_remove(kept, one)
    await tx.execute(update(jobs).where(jobs.c.id == job).values(staged=kept))


async def with_rubbish(connection: AsyncConnection, *, before: datetime, limit: int) -> Sequence[Stale]:
    """Over all tenants: jobs that ended before this, below whose prefixes something may be left."""
    needed = case((jobs.c.output.is_(None), 0), else_=1) + case((jobs.c.first_output.is_(None), 0), else_=1)
    query = select(jobs.c.tenant_id, jobs.c.id).where(
        jobs.c.state.not_in(ACTIVE),
        jobs.c.finished_at < before,
        func.cardinality(jobs.c.staged) > needed,
    )
    return [Stale(tenant=row.tenant_id, job=row.id) for row in await connection.execute(query.limit(limit))]


async def keep_checkpoints(tx: Transaction, *, job: JobId, kept: bool) -> None:
    """Remember whether there may be checkpoints of a job in the object store."""
    await tx.execute(update(jobs).where(jobs.c.id == job).values(checkpoints=kept))


async def set_cost(tx: Transaction, *, job: JobId, cost: JobCost) -> None:
    """Keep what a locked job has cost so far."""
    await tx.execute(update(jobs).where(jobs.c.id == job).values(cost=to_plain(cost)))


async def with_checkpoints(connection: AsyncConnection, *, before: datetime, limit: int) -> Sequence[Stale]:
    """Over all tenants: jobs that ended before this, of which there may be checkpoints."""
    query = select(jobs.c.tenant_id, jobs.c.id).where(
        jobs.c.checkpoints, jobs.c.state.not_in(ACTIVE), jobs.c.finished_at < before
    )
    return [Stale(tenant=row.tenant_id, job=row.id) for row in await connection.execute(query.limit(limit))]


async def needing_scratch(
    connection: AsyncConnection, *, ids: Sequence[JobId], since: datetime
) -> frozenset[JobId]:
    """Which of these jobs, of any tenant, run, wait, or ended without a result after this."""
    unfinished = or_(
        jobs.c.state.in_(ACTIVE), and_(jobs.c.state != JobState.COMPLETED, jobs.c.finished_at >= since)
    )
    query = select(jobs.c.id).where(jobs.c.id.in_(ids), unfinished)
    return frozenset((await connection.execute(query)).scalars())


def _owned(query: Any, owner: AccountId | None) -> Any:
    return query if owner is None else query.where(jobs.c.owner == owner)


def _running(job: JobId, attempt: int) -> Any:
    return update(jobs).where(
        jobs.c.id == job, jobs.c.attempt == attempt, jobs.c.state == JobState.PROCESSING
    )


def _merged(column: Any, values: Mapping[str, float], *, first: bool) -> Any:
    added = func.cast(to_plain(dict(values)), JSONB)
    return added.op("||")(column) if first else column.op("||")(added)
