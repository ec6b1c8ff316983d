import asyncio
from datetime import datetime

import pytest
from sqlalchemy import text

from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database
from vitascope.foundation.locks.leases import Lease, LeaseLost, LockHeld, Locks, guard


@pytest.fixture(name="locks")
def _locks(db: Database) -> Locks:
    return Locks(db=db)


async def _asked(db: Database, question: str) -> datetime:
    async with db.system() as connection:
        found: datetime = (await connection.execute(text(question))).scalar_one()
        return found


class TestTake:
    async def test_of_many_at_once_one_wins(self, locks: Locks) -> None:
        """Twenty that ask at once get one lease between them."""
        found = await asyncio.gather(
            *(locks.take("reindex", seconds=30) for _ in range(20)), return_exceptions=True
        )

        assert sum(isinstance(one, Lease) for one in found) == 1
        assert sum(isinstance(one, LockHeld) for one in found) == 19

    async def test_fence_grows_with_every_holder(self, locks: Locks) -> None:
        """After a lease is given back or has ended, the next one's fence is greater."""
        first = await locks.take("reindex", seconds=30)
        await locks.give_back(first)
        second = await locks.take("reindex", seconds=0.05)
        await asyncio.sleep(0.1)
        third = await locks.take("reindex", seconds=30)

        assert first.fence < second.fence < third.fence

    async def test_ended_lease_cannot_be_renewed(self, locks: Locks) -> None:
        """A lease whose time is over is lost, although nobody took it yet."""
        lease = await locks.take("reindex", seconds=0.05)
        await asyncio.sleep(0.1)

        with pytest.raises(LeaseLost):
            await locks.renew(lease, seconds=30)

    async def test_late_return_disturbs_nobody(self, locks: Locks) -> None:
        """Giving back a lease that another has by now leaves that one alone."""
        old = await locks.take("reindex", seconds=0.05)
        await asyncio.sleep(0.1)
        new = await locks.take("reindex", seconds=30)

        await locks.give_back(old)

        await locks.renew(new, seconds=30)


class TestHold:
    async def test_lease_lasts_as_long_as_the_block(self, locks: Locks, db: Database) -> None:
        """A block that takes longer than its lease keeps it, and gives it back at once."""
        async with locks.hold("reindex", seconds=2):
            first_end = await _asked(db, "SELECT until FROM locks.leases")
            while await _asked(db, "SELECT clock_timestamp()") <= first_end:  # noqa: ASYNC110 - the database's clock is asked
                await asyncio.sleep(0.1)
            with pytest.raises(LockHeld):
                await locks.take("reindex", seconds=1)

        await locks.take("reindex", seconds=1)

    async def test_block_that_loses_its_lease_is_stopped(self, locks: Locks) -> None:
        """When the lease is lost while the block runs, the block is cancelled and `LeaseLost` raised."""
        finished = []

        async def work() -> None:
            async with locks.hold("reindex", seconds=0.3) as lease:
                await locks.give_back(lease)
                await asyncio.sleep(60)
                finished.append(lease)

        with pytest.raises(LeaseLost):
            await work()
        assert finished == []

    async def test_error_of_the_block_is_its_own(self, locks: Locks) -> None:
        """What the block raises is raised as it is, and the lease is given back."""

        async def work() -> None:
            async with locks.hold("reindex", seconds=30):
                raise ValueError("no index")

        with pytest.raises(ValueError, match="no index"):
            await work()
        await locks.take("reindex", seconds=1)


class TestGuard:
    async def test_former_holder_is_refused(self, locks: Locks, db: Database, ctx: Context) -> None:
        """A transaction under a lease that another has by now is refused."""
        old = await locks.take("reindex", seconds=0.05)
        await asyncio.sleep(0.1)
        new = await locks.take("reindex", seconds=30)

        async with db.transaction(ctx) as tx:
            await guard(tx, new)
            with pytest.raises(LeaseLost):
                await guard(tx, old)

    async def test_nobody_takes_over_inside_a_guarded_transaction(
        self, locks: Locks, db: Database, ctx: Context
    ) -> None:
        """Whoever takes an ended lease waits until a transaction that was guarded by it has ended."""
        lease = await locks.take("reindex", seconds=0.05)
        async with db.transaction(ctx) as tx:
            await guard(tx, lease)
            await asyncio.sleep(0.1)
            taking = asyncio.create_task(locks.take("reindex", seconds=30))
            await asyncio.sleep(0.2)
            waited = not taking.done()

        assert waited
        assert (await taking).fence > lease.fence
