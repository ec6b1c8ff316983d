"""Whose part is next, between tenants and within one."""

import random

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.integration.transcoding.jobs.repository.conftest import Workshop

from vitascope.foundation.context import Context, TenantId
from vitascope.identity.users.contracts import Permission
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.contracts import JobPriority
from vitascope.transcoding.jobs.models import parts as table
from vitascope.transcoding.jobs.models import shares
from vitascope.transcoding.jobs.repository import parts, turns
from vitascope.transcoding.jobs.repository.parts import Claimed, PartState, hold, next_of

_BACKLOG = 40


async def _before(workshop: Workshop, small: Context) -> int:
    """How many parts others are given before the last of this tenant's."""
    given = []
    while (claimed := await workshop.claim()) is not None:
        given.append(claimed.tenant)
    last = max(place for place, tenant in enumerate(given) if tenant == small.tenant)
    return sum(tenant != small.tenant for tenant in given[:last])


async def _backlog_then_small(workshop: Workshop, ctx: Context, stranger: Context) -> int:
    await workshop.offer(ctx, *[10.0] * _BACKLOG)
    for _ in range(5):
        await workshop.claim()
    await workshop.offer(stranger, 10.0, 10.0)
    return await _before(workshop, stranger)


async def _first_come(connection: AsyncConnection, *, worker: str) -> Claimed | None:
    waiting = select(table.c.tenant_id).where(table.c.state == PartState.WAITING)
    tenant = (await connection.execute(waiting.order_by(table.c.job, table.c.number).limit(1))).scalar()
    claimed = await next_of(connection, tenant=tenant) if tenant is not None else None
    if claimed is not None:
        await hold(connection, claimed=claimed, worker=worker)
    return claimed


class TestBetweenTenants:
    async def test_small_job_is_not_blocked(
        self, workshop: Workshop, ctx: Context, stranger: Context
    ) -> None:
        """A tenant that comes with two parts amid another's backlog waits for two of its at most."""
        assert await _backlog_then_small(workshop, ctx, stranger) <= 2

    async def test_first_come_first_served_is_caught(
        self, workshop: Workshop, ctx: Context, stranger: Context, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The planted bug: in the order of their coming, the small job would wait for the whole backlog."""
        monkeypatch.setattr(turns, "claim", _first_come)

        assert await _backlog_then_small(workshop, ctx, stranger) > 2

    @pytest.mark.parametrize("seed", [1, 2, 3])
    async def test_equal_shares(self, workshop: Workshop, platform: PlatformUnderTest, seed: int) -> None:
        """While tenants have backlogs none is ahead of another by more than one part of each.

        The bound of start-time fair queueing, for whatever costs and orders.
        """
        dice = random.Random(seed)
        tenants = [platform.new_context(*Permission) for _ in range(3)]
        most: dict[TenantId, float] = {}
        for ctx in tenants:
            costs = [dice.uniform(0.1, 20) for _ in range(12)]
            most[ctx.tenant] = max(costs)
            await workshop.offer(ctx, *costs)
        given = dict.fromkeys(most, 0.0)
        waiting = dict.fromkeys(most, 12)

        while min(waiting.values()) > 0 and (claimed := await workshop.claim()) is not None:
            given[claimed.tenant] += claimed.part.cost
            waiting[claimed.tenant] -= 1
            for one in tenants:
                for other in tenants:
                    apart = given[one.tenant] - given[other.tenant]
                    assert apart <= most[one.tenant] + most[other.tenant] + 1e-6

    async def test_absence_is_not_saved_up(self, workshop: Workshop, ctx: Context, stranger: Context) -> None:
        """A tenant that comes back after a while has no claim to what it did not use."""
        await workshop.offer(stranger, 1.0)
        await workshop.claim()
        await workshop.offer(ctx, *[10.0] * 20)
        for _ in range(10):
            await workshop.claim()
        await workshop.offer(stranger, *[10.0] * 10)

        given = [claimed.tenant for _ in range(8) if (claimed := await workshop.claim()) is not None]

        assert given.count(stranger.tenant) in {4, 5}

    async def test_true_cost_is_settled(self, workshop: Workshop, ctx: Context, stranger: Context) -> None:
        """What took longer than was thought is paid with later turns."""
        for who in (ctx, stranger):
            await workshop.offer(who, *[1.0] * 10)
        first = await workshop.claim()
        assert first is not None
        paying = ctx if first.tenant == ctx.tenant else stranger
        async with workshop.db.transaction(paying) as tx:
            await turns.settle(tx, thought=1.0, took=5.0)

        given = [claimed.tenant for _ in range(5) if (claimed := await workshop.claim()) is not None]

        assert paying.tenant not in given


class TestWithinTenant:
    async def test_priority(self, workshop: Workshop, ctx: Context) -> None:
        """A tenant's urgent job goes before its others, however long those have waited."""
        await workshop.offer(ctx, 1.0, 1.0)
        urgent = await workshop.offer(ctx, 1.0, priority=JobPriority.HIGH)

        claimed = await workshop.claim()

        assert claimed is not None
        assert claimed.part.job == urgent[0].job

    async def test_urgent_job_takes_nothing_from_others(
        self, workshop: Workshop, ctx: Context, stranger: Context
    ) -> None:
        """Calling everything urgent does not bring a tenant ahead of another."""
        await workshop.offer(ctx, *[1.0] * 10, priority=JobPriority.HIGH)
        await workshop.offer(stranger, *[1.0] * 10)

        given = [claimed.tenant for _ in range(10) if (claimed := await workshop.claim()) is not None]

        assert given.count(ctx.tenant) == given.count(stranger.tenant) == 5

    async def test_sound_comes_first(self, workshop: Workshop, ctx: Context) -> None:
        """A film's sound, which takes longest, is begun before its chunks."""
        (chunk,) = await workshop.offer(ctx, 1.0)
        sound = parts.Part(job=chunk.job, attempt=1, number=parts.SOUND)
        async with workshop.db.transaction(ctx) as tx:
            await parts.add(tx, found=[sound])

        claimed = await workshop.claim()

        assert claimed is not None
        assert claimed.part.number == parts.SOUND


class TestForgetIdle:
    async def test_keeps_who_owes(self, workshop: Workshop, ctx: Context, stranger: Context) -> None:
        """A tenant that was given more than others is remembered until they have caught up."""
        await workshop.offer(stranger, 1.0)
        await workshop.claim()
        await workshop.offer(ctx, 5.0, 5.0)
        await workshop.claim()
        await workshop.claim()

        async with workshop.db.system() as connection:
            await turns.forget_idle(connection)
            left = (await connection.execute(select(shares.c.tenant_id))).scalars().all()

        assert left == [ctx.tenant]
