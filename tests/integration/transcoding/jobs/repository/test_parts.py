"""Parts of a film and the workers who take, finish, lose and give them back."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import func, select, update
from tests.integration.transcoding.jobs.repository.conftest import Workshop

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database, Transaction
from vitascope.foundation.db.server.endpoint import Endpoint
from vitascope.foundation.ids import RandomIds
from vitascope.transcoding.jobs.models import parts as table
from vitascope.transcoding.jobs.repository import parts as repository
from vitascope.transcoding.jobs.repository.parts import Made, Part, PartState, Standing

_AT_ONCE = 100
_CONNECTIONS = 40
_PROBLEM = {"type": "vitascope:part-given-up", "detail": "Every worker died."}


@pytest.fixture(name="crowd")
async def _crowd(endpoint: Endpoint) -> AsyncIterator[Database]:
    """The same database for many at once."""
    database = Database(endpoint, clock=SystemClock(), ids=RandomIds(), size=_CONNECTIONS)
    yield database
    await database.close()


async def _take_all(workshop: Workshop, worker: str = "w") -> Sequence[Part]:
    taken = []
    while (claimed := await workshop.claim(worker)) is not None:
        taken.append(claimed.part)
    return taken


async def _finish_all(crowd: Database, ctx: Context, taken: Sequence[Part]) -> list[bool | None]:
    """All of them, as many at once as there are connections."""
    room = asyncio.Semaphore(_CONNECTIONS)

    async def finish(part: Part) -> bool | None:
        async with room, crowd.transaction(ctx) as tx:
            return await repository.finish(tx, part=part, worker="w", made=Made(), frames=50)

    return await asyncio.gather(*(finish(part) for part in taken))


async def _standing(workshop: Workshop, ctx: Context, part: Part) -> Standing:
    async with workshop.db.read(ctx) as reader:
        return await repository.standing(reader, job=part.job, attempt=part.attempt)


class TestFinish:
    async def test_one_is_the_last(self, workshop: Workshop, crowd: Database, ctx: Context) -> None:
        """Of a hundred parts that are finished at once, exactly one is told that it was the last."""
        await workshop.offer(ctx, *[1.0] * _AT_ONCE)
        taken = await _take_all(workshop)

        answers = await _finish_all(crowd, ctx, taken)

        assert len(taken) == _AT_ONCE
        assert sorted(answers, key=bool) == [False] * (_AT_ONCE - 1) + [True]

    async def test_counting_without_a_lock_is_caught(
        self, workshop: Workshop, crowd: Database, ctx: Context, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The planted bug: were the unfinished counted instead, those that finish together would miss it."""
        together = asyncio.Barrier(2)

        async def naive(tx: Transaction, *, part: Part, worker: str, made: Made, frames: int) -> bool:
            del worker, made, frames
            this = table.c.number == part.number
            await tx.execute(
                update(table).where(table.c.job == part.job, this).values(state=PartState.DONE, worker=None)
            )
            unfinished = select(func.count()).where(table.c.job == part.job, table.c.state != PartState.DONE)
            left = await tx.scalar(unfinished)
            await together.wait()
            return bool(left == 0)

        monkeypatch.setattr(repository, "finish", naive)
        await workshop.offer(ctx, 1.0, 1.0)

        answers = await _finish_all(crowd, ctx, await _take_all(workshop))

        assert answers == [False, False]

    async def test_lost_part(self, workshop: Workshop, ctx: Context) -> None:
        """A worker that was thought dead finishes nothing, and its part is counted once."""
        (part,) = await workshop.offer(ctx, 1.0)
        await workshop.claim("dead")
        async with workshop.db.system() as connection:
            await repository.bury(connection, worker="dead", most_deaths=3, problem=_PROBLEM)
        await workshop.claim("alive")

        async with workshop.db.transaction(ctx) as tx:
            late = await repository.finish(tx, part=part, worker="dead", made=Made(), frames=50)
            last = await repository.finish(tx, part=part, worker="alive", made=Made(), frames=50)

        assert (late, last) == (None, True)
        assert (await _standing(workshop, ctx, part)).is_finished


class TestBury:
    async def test_others_take_them(self, workshop: Workshop, ctx: Context) -> None:
        """The parts of a dead worker wait again, for others."""
        offered = await workshop.offer(ctx, 1.0, 1.0)
        await _take_all(workshop, "dead")

        async with workshop.db.system() as connection:
            await repository.bury(connection, worker="dead", most_deaths=3, problem=_PROBLEM)

        assert len(await _take_all(workshop, "alive")) == len(offered)

    async def test_deadly_part(self, workshop: Workshop, ctx: Context) -> None:
        """A part over which too many workers died has failed, and says so."""
        (part,) = await workshop.offer(ctx, 1.0)
        for worker in ("first", "second"):
            await workshop.claim(worker)
            async with workshop.db.system() as connection:
                await repository.bury(connection, worker=worker, most_deaths=2, problem=_PROBLEM)

        assert (await _standing(workshop, ctx, part)).problem == _PROBLEM
        assert await workshop.claim() is None


class TestWithdraw:
    async def test_worker_is_told(self, workshop: Workshop, ctx: Context) -> None:
        """What waits is never taken, who encodes is told with the next beat, and the rest goes on."""
        withdrawn = await workshop.offer(ctx, 1.0, 1.0)
        first = await workshop.claim()
        kept = await workshop.offer(ctx, 1.0)
        async with workshop.db.transaction(ctx) as tx:
            await repository.withdraw(tx, job=withdrawn[0].job, attempt=1)
        second = await workshop.claim()
        assert first is not None
        assert second is not None

        frames = {(one.job, one.attempt, one.number): 7 for one in (first.part, second.part)}
        async with workshop.db.system() as connection:
            wanted = await repository.beat(connection, worker="w", frames=frames)

        assert wanted == {(kept[0].job, 1, 0)}
        assert (await _standing(workshop, ctx, kept[0])).frames == {"180p": 7}

    async def test_quiet_when_given_back(self, workshop: Workshop, ctx: Context) -> None:
        """A withdrawn part is held until its worker gives it back, and nobody takes it then."""
        (part,) = await workshop.offer(ctx, 1.0)
        await workshop.claim()
        async with workshop.db.transaction(ctx) as tx:
            await repository.withdraw(tx, job=part.job, attempt=1)
        held = (await _standing(workshop, ctx, part)).held

        async with workshop.db.system() as connection:
            await repository.put_back(connection, worker="w")

        assert (held, (await _standing(workshop, ctx, part)).held) == (1, 0)
        assert await workshop.claim() is None

    async def test_later_attempt_goes_on(self, workshop: Workshop, ctx: Context) -> None:
        """A former attempt that ends late takes nothing from the one that follows it."""
        (part,) = await workshop.offer(ctx, 1.0)
        async with workshop.db.transaction(ctx) as tx:
            await repository.withdraw(tx, job=part.job, attempt=0)

        assert await workshop.claim() is not None
