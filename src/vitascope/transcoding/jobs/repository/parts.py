"""SQL of the parts of films: each is encoded by one worker, and there may be many workers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import case, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from vitascope.foundation.context import TenantId
from vitascope.foundation.db.database import Reader, Transaction
from vitascope.foundation.encoding import from_plain, to_plain
from vitascope.transcoding.jobs.contracts import JobId
from vitascope.transcoding.jobs.models import encodings, jobs, parts
from vitascope.transcoding.jobs.repository.jobs import ACTIVE, Stale
from vitascope.transcoding.pipeline.contracts import Chunk, Plan

SOUND = -1
"""The number of the part that is a film's sound; it comes before all chunks, because it takes longest."""


class PartState(StrEnum):
    """Where a part is; a `stopping` one was withdrawn, and its worker has not said yet that it is over."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


Key = tuple[JobId, int, int]
"""Which part: of which job and attempt, and its number."""

_HELD = (PartState.RUNNING, PartState.STOPPING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A chunk of a film, or its sound; `cost` is about the CPU seconds that it will take."""

    job: JobId
    attempt: int
    number: int
    first: int = 0
    frames: int | None = None
    rungs: Sequence[str] = ()
    cost: float = 0.0

    @property
    def chunk(self) -> Chunk:
        """The part of the film, by frames."""
        return Chunk(number=self.number, first=self.first, frames=self.frames)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A part that a worker has taken, and what it must know to encode it."""

    tenant: TenantId
    part: Part
    source: str
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a worker says of a part that it has encoded; bytes for each rung."""

    cpu_seconds: float = 0.0
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a part has cost; bytes for each of its rungs, or for the `sound`."""

    rungs: Sequence[str]
    cpu_seconds: float
    sizes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far an encoding is; `total` is unknown while the film is being cut."""

    total: int | None
    finished: int
    frames: Mapping[str, int]
    held: int
    problem: Mapping[str, Any] | None

    @property
    def is_finished(self) -> bool:
        """Whether every part is done."""
        return self.finished == self.total


async def open_encoding(tx: Transaction, *, job: JobId, attempt: int, source: str, plan: Plan) -> None:
    """An attempt is about to encode; opening it again, after a crash, changes nothing."""
    row = {"job": job, "attempt": attempt, "source": source, "plan": to_plain(plan), "finished": 0}
    await tx.execute(upsert(encodings).values(row).on_conflict_do_nothing())
    withdrawn = _of_parts(update(parts), job, attempt).where(parts.c.state == PartState.WITHDRAWN)
    await tx.execute(withdrawn.values(state=PartState.WAITING))


async def add(tx: Transaction, *, found: Sequence[Part]) -> None:
    """Let workers take these; those that are there already stay as they are."""
    priority = select(jobs.c.priority).where(jobs.c.id == found[0].job).scalar_subquery()
    rows = [
        {
            **{name: getattr(part, name) for name in Part.__dataclass_fields__},
            "rungs": list(part.rungs),
            "priority": priority,
            "state": PartState.WAITING,
            "deaths": 0,
            "frames_done": 0,
            "cpu_seconds": 0.0,
            "bytes": {},
        }
        for part in found
    ]
    await tx.execute(upsert(parts).values(rows).on_conflict_do_nothing())


async def close(tx: Transaction, *, job: JobId, attempt: int, total: int) -> None:
    """The film is cut: there are this many parts."""
    await tx.execute(_of_encoding(update(encodings), job, attempt).values(parts=total))


async def standing(reader: Reader, *, job: JobId, attempt: int) -> Standing:
    """How far an encoding is."""
    mine = (parts.c.job == job) & (parts.c.attempt == attempt)
    totals = select(
        func.count().filter(parts.c.state.in_(_HELD)).label("held"),
        func.min(case((parts.c.state == PartState.FAILED, parts.c.number))).label("failed"),
    ).where(mine)
    row = await reader.first(_of_encoding(select(encodings.c.parts, encodings.c.finished), job, attempt))
    by_rung = select(func.unnest(parts.c.rungs).label("rung"), parts.c.frames_done).where(mine).subquery()
    done = func.sum(by_rung.c.frames_done).label("frames")
    frames = select(by_rung.c.rung, done).group_by(by_rung.c.rung)
    added = await reader.first(totals)
    assert added is not None  # noqa: S101 - a sum is always one row
    problem = None
    if added.failed is not None:
        problem = await reader.scalar(select(parts.c.problem).where(mine, parts.c.number == added.failed))
    return Standing(
        total=row.parts if row else None,
        finished=row.finished if row else 0,
        frames={one.rung: one.frames for one in await reader.rows(frames)},
        held=added.held,
        problem=problem,
    )


async def chunks(reader: Reader, *, job: JobId, attempt: int) -> Sequence[Chunk]:
    """The chunks into which an attempt has cut its film, in order; none if it has not."""
    query = _of_parts(select(parts.c.number, parts.c.first, parts.c.frames), job, attempt)
    rows = await reader.rows(query.where(parts.c.number != SOUND).order_by(parts.c.number))
    return [Chunk(number=row.number, first=row.first, frames=row.frames) for row in rows]


async def cpu_seconds(reader: Reader, *, job: JobId, attempt: int) -> float:
    """What the parts of an attempt that are done have taken."""
    query = _of_parts(select(func.coalesce(func.sum(parts.c.cpu_seconds), 0.0)), job, attempt)
    return float(await reader.scalar(query))


async def next_of(connection: AsyncConnection, *, tenant: TenantId) -> Claimed | None:
    """The tenant's next waiting part, locked; None if others have just taken them all."""
    next_one = (
        select(*(parts.c[name] for name in Part.__dataclass_fields__), parts.c.tenant_id)
        .where(parts.c.tenant_id == tenant, parts.c.state == PartState.WAITING)
        .order_by(parts.c.priority, parts.c.job, parts.c.attempt, parts.c.number)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = (await connection.execute(next_one)).first()
    if row is None:
        return None
    part = Part(**{name: getattr(row, name) for name in Part.__dataclass_fields__})
    about = _of_encoding(select(encodings.c.source, encodings.c.plan), part.job, part.attempt)
    told = (await connection.execute(about.where(encodings.c.tenant_id == tenant))).one()
    return Claimed(tenant=tenant, part=part, source=told.source, plan=from_plain(told.plan, Plan))


async def hold(connection: AsyncConnection, *, claimed: Claimed, worker: str) -> None:
    """The worker has this part from now on."""
    taken = _this(claimed.part).where(parts.c.tenant_id == claimed.tenant)
    await connection.execute(taken.values(state=PartState.RUNNING, worker=worker, frames_done=0))


async def beat(connection: AsyncConnection, *, worker: str, frames: Mapping[Key, int]) -> frozenset[Key]:
    """Tell how many frames of each part are done; answers those parts that should go on."""
    if not frames:
        return frozenset()
    done = case(*((_is(key), number) for key, number in frames.items()), else_=0)
    moved = (
        update(parts)
        .where(parts.c.worker == worker, parts.c.state == PartState.RUNNING)
        .values(frames_done=func.greatest(parts.c.frames_done, done))
        .returning(parts.c.job, parts.c.attempt, parts.c.number)
    )
    return frozenset((row.job, row.attempt, row.number) for row in await connection.execute(moved))


async def finish(tx: Transaction, *, part: Part, worker: str, made: Made, frames: int) -> bool | None:
    """A worker is done with its part; tells whether that was the last of the encoding.

    None, and nothing changes, if the part is not this worker's any more. The count is added up in the
    row of the encoding, whose lock lets one worker after the other do so: of many that finish at once
    exactly one is told that it was the last.
    """
    done = _held_by(part, worker).values(
        state=PartState.DONE,
        worker=None,
        frames_done=frames,
        cpu_seconds=made.cpu_seconds,
        bytes=dict(made.sizes),
    )
    if not await tx.execute(done):
        return None
    counted = _of_encoding(update(encodings), part.job, part.attempt).values(
        finished=encodings.c.finished + 1
    )
    row = await tx.first(counted.returning(encodings.c.finished, encodings.c.parts))
    return row is not None and row.finished == row.parts


async def fail(tx: Transaction, *, part: Part, worker: str, problem: Mapping[str, Any]) -> None:
    """A worker could not encode its part, if it is still its own."""
    await tx.execute(
        _held_by(part, worker).values(state=PartState.FAILED, worker=None, problem=dict(problem))
    )


async def put_back(connection: AsyncConnection, *, worker: str, only: Part | None = None) -> None:
    """The worker gives its parts, or one of them, back unfinished; those that were withdrawn stay so."""
    given = update(parts).where(parts.c.worker == worker) if only is None else _held_by(only, worker)
    await connection.execute(given.values(state=_after_stop(PartState.WAITING), worker=None))


async def bury(
    connection: AsyncConnection, *, worker: str, most_deaths: int, problem: Mapping[str, Any]
) -> Sequence[JobId]:
    """The worker is dead: others may take its parts, but one that killed so many has failed with this."""
    deadly = parts.c.deaths + 1 >= most_deaths
    freed = (
        update(parts)
        .where(parts.c.worker == worker)
        .values(
            state=case((deadly, _after_stop(PartState.FAILED)), else_=_after_stop(PartState.WAITING)),
            problem=case((deadly, literal(dict(problem), JSONB)), else_=parts.c.problem),
            deaths=parts.c.deaths + 1,
            worker=None,
        )
        .returning(parts.c.job)
    )
    return list((await connection.execute(freed)).scalars())


async def withdraw(tx: Transaction, *, job: JobId, attempt: int) -> None:
    """Nobody should encode parts for this attempt any more: those who do are told with their next beat.

    Those of a later attempt are another's.
    """
    unfinished = parts.c.state.in_((PartState.WAITING, PartState.RUNNING))
    state = case((parts.c.state == PartState.RUNNING, PartState.STOPPING), else_=PartState.WITHDRAWN)
    await tx.execute(_of_parts(update(parts), job, attempt).where(unfinished).values(state=state))


async def working(connection: AsyncConnection) -> frozenset[str]:
    """The workers that hold parts, dead or alive."""
    query = select(parts.c.worker).where(parts.c.state.in_(_HELD)).distinct()
    return frozenset((await connection.execute(query)).scalars())


async def forget(tx: Transaction, *, job: JobId) -> Sequence[Spent]:
    """Remove the encodings of an ended job; answers what each of their parts has cost."""
    gone = delete(parts).where(parts.c.job == job)
    spent = gone.returning(parts.c.rungs, parts.c.cpu_seconds, parts.c.bytes)
    found = [
        Spent(rungs=row.rungs, cpu_seconds=row.cpu_seconds, sizes=row.bytes) for row in await tx.rows(spent)
    ]
    await tx.execute(delete(encodings).where(encodings.c.job == job))
    return found


async def plan_of(reader: Reader, *, job: JobId) -> Plan | None:
    """What was last encoded of a job; None if nothing is, or it is forgotten."""
    query = select(encodings.c.plan).where(encodings.c.job == job).order_by(encodings.c.attempt.desc())
    found = await reader.scalar(query.limit(1))
    return from_plain(found, Plan) if found is not None else None


async def unsettled(connection: AsyncConnection, *, before: datetime, limit: int) -> Sequence[Stale]:
    """Over all tenants: jobs that ended before this and whose encodings nobody has settled."""
    ended = jobs.c.state.not_in(ACTIVE) & (jobs.c.finished_at < before)
    same = (encodings.c.tenant_id == jobs.c.tenant_id) & (encodings.c.job == jobs.c.id)
    query = select(jobs.c.tenant_id, jobs.c.id).join(encodings, same).where(ended).distinct().limit(limit)
    return [Stale(tenant=row.tenant_id, job=row.id) for row in await connection.execute(query)]


def _is(key: Key) -> Any:
    job, attempt, number = key
    return (parts.c.job == job) & (parts.c.attempt == attempt) & (parts.c.number == number)


def _after_stop(state: PartState) -> Any:
    return case((parts.c.state == PartState.STOPPING, PartState.WITHDRAWN), else_=state)


def _this(part: Part) -> Any:
    return _of_parts(update(parts), part.job, part.attempt).where(parts.c.number == part.number)


def _held_by(part: Part, worker: str) -> Any:
    return _this(part).where(parts.c.worker == worker)


def _of_parts(query: Any, job: JobId, attempt: int) -> Any:
    return query.where(parts.c.job == job, parts.c.attempt == attempt)


def _of_encoding(query: Any, job: JobId, attempt: int) -> Any:
    return query.where(encodings.c.job == job, encodings.c.attempt == attempt)
