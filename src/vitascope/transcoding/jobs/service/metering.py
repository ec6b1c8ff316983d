"""What jobs cost: added up when an attempt has ended, and told once."""

from collections.abc import Mapping, Sequence

from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database, retried
from vitascope.transcoding.jobs.contracts import JobCost, JobId, RungCost
from vitascope.transcoding.jobs.events import JobMetered, RungMetered
from vitascope.transcoding.jobs.repository import jobs, parts
from vitascope.transcoding.jobs.repository.parts import Spent
from vitascope.transcoding.pipeline.contracts import Plan


class Metering:
    """Settles what ended attempts have used."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    @retried
    async def settle(self, ctx: Context, *, job: JobId, stored_bytes: int = 0) -> None:
        """Add to the job's cost what its parts have used, and tell it; what is settled is never told again.

        `stored_bytes` is what the job's result takes in the store.
        """
        async with self._db.transaction(ctx) as tx:
            known = await jobs.lock(tx, job=job, owner=None)
            plan = await parts.plan_of(tx, job=job)
            if known is None or plan is None or known.state in jobs.ACTIVE:
                return
            spent = cost_by_rung(await parts.forget(tx, job=job), pixels=pixels_of(plan))
            fresh = JobCost(
                cpu_seconds=round(sum(one.cpu_seconds for one in spent), 3),
                stored_bytes=stored_bytes,
                rungs=spent,
            )
            await jobs.set_cost(tx, job=job, cost=added(known.cost, fresh))
            told = JobMetered(
                job=job,
                attempt=known.attempt,
                cpu_seconds=fresh.cpu_seconds,
                stored_bytes=stored_bytes,
                rungs=tuple(
                    RungMetered(name=one.name, cpu_seconds=one.cpu_seconds, bytes=one.bytes) for one in spent
                ),
            )
            tx.emit(told, subject=job)


def pixels_of(plan: Plan) -> Mapping[str, int]:
    """How large each rung's picture is."""
    return {rung.name: rung.width * rung.height for rung in plan.rungs}


def cost_by_rung(spent: Sequence[Spent], *, pixels: Mapping[str, int]) -> tuple[RungCost, ...]:
    """The cost of each rung: those of one part share its CPU time by their pixels."""
    cpu: dict[str, float] = {}
    sizes: dict[str, int] = {}
    for one in spent:
        together = sum(pixels.get(name, 1) for name in one.sizes)
        for name, size in one.sizes.items():
            share = one.cpu_seconds * pixels.get(name, 1) / together
            cpu[name] = cpu.get(name, 0.0) + share
            sizes[name] = sizes.get(name, 0) + size
    return tuple(
        RungCost(name=name, cpu_seconds=round(cpu[name], 3), bytes=sizes[name]) for name in sorted(sizes)
    )


def added(cost: JobCost, fresh: JobCost) -> JobCost:
    """What was used before and what was used now; bytes are those of the newest."""
    rungs = {one.name: one for one in cost.rungs}
    for one in fresh.rungs:
        before = rungs[one.name].cpu_seconds if one.name in rungs else 0.0
        rungs[one.name] = RungCost(
            name=one.name, cpu_seconds=round(before + one.cpu_seconds, 3), bytes=one.bytes
        )
    return JobCost(
        cpu_seconds=round(cost.cpu_seconds + fresh.cpu_seconds, 3),
        stored_bytes=fresh.stored_bytes or cost.stored_bytes,
        rungs=tuple(rungs.values()),
    )
