"""Many at once who submit, cancel and retry."""

import asyncio
from pathlib import Path

import pytest
from tests.integration.transcoding.jobs.conftest import FixedQuota, Studio

from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Transaction
from vitascope.foundation.errors import Conflict
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.contracts import Job, JobState, TooManyJobs
from vitascope.transcoding.jobs.events import JobSubmitted
from vitascope.transcoding.jobs.repository import jobs as repository

_AT_ONCE = 20
_ROOM = 3


async def _submit_many(studio: Studio, ctx: Context, film: Path) -> list[Job | BaseException]:
    source = await studio.store(ctx, film)
    wanted = [
        studio.jobs.submit(ctx, source=source, filename="kiss.mp4", key=str(n)) for n in range(_AT_ONCE)
    ]
    return await asyncio.gather(*wanted, return_exceptions=True)


class TestSubmit:
    async def test_one_key_at_once(
        self, studio: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """Of many who submit one key at once, all get the same job, which is queued and told once."""
        source = await studio.store(ctx, film)
        wanted = [studio.jobs.submit(ctx, source=source, filename="", key="1") for _ in range(_AT_ONCE)]

        jobs = await asyncio.gather(*wanted)

        assert {one.id for one in jobs} == {jobs[0].id}
        assert len(await platform.events(JobSubmitted)) == 1

    async def test_quota_at_once(self, studio: Studio, quota: FixedQuota, ctx: Context, film: Path) -> None:
        """Of many who submit at once, exactly as many get in as there is room for."""
        quota.number = _ROOM

        answers = await _submit_many(studio, ctx, film)

        assert sum(isinstance(one, Job) for one in answers) == _ROOM
        assert sum(isinstance(one, TooManyJobs) for one in answers) == _AT_ONCE - _ROOM

    async def test_counting_without_queue_is_caught(
        self,
        studio: Studio,
        quota: FixedQuota,
        ctx: Context,
        film: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The planted bug: were the tenant's submissions not one by one, the check would see too many."""

        async def no_queue(_tx: Transaction) -> None:
            await asyncio.sleep(0)

        async def count_slowly(tx: Transaction) -> int:
            active = await _count(tx)
            await asyncio.sleep(0.05)
            return active

        _count = repository.count_active
        monkeypatch.setattr(repository, "queue_for_room", no_queue)
        monkeypatch.setattr(repository, "count_active", count_slowly)
        quota.number = _ROOM

        answers = await _submit_many(studio, ctx, film)

        assert sum(isinstance(one, Job) for one in answers) > _ROOM

    async def test_platform_waits_instead(
        self, studio: Studio, quota: FixedQuota, ctx: Context, film: Path
    ) -> None:
        """What the platform submits, as for an upload, is taken whatever the quota, and waits its turn."""
        quota.number = 0

        job = await studio.submit(ctx.as_platform(), film)

        assert job.state == JobState.PENDING


class TestMove:
    async def test_retry_at_once(self, studio: Studio, ctx: Context, film: Path) -> None:
        """Of many who retry a job at once one succeeds, and one attempt is added."""
        job = await studio.submit(ctx, film)
        await studio.jobs.cancel(ctx, job=job.id)

        answers = await asyncio.gather(
            *(studio.jobs.retry(ctx, job=job.id) for _ in range(8)), return_exceptions=True
        )

        assert sum(isinstance(one, Job) for one in answers) == 1
        assert sum(isinstance(one, Conflict) for one in answers) == 7
        assert (await studio.jobs.get(ctx, job=job.id)).attempt == 2
