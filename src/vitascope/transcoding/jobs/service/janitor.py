"""Removing what jobs have left, whose workers died or whose retry never came."""

from datetime import timedelta

from vitascope.foundation.clock import Clock
from vitascope.foundation.db.database import Database
from vitascope.foundation.events.subscriptions import context_of
from vitascope.foundation.storage.keys import ObjectPrefix
from vitascope.foundation.storage.objects import Objects
from vitascope.transcoding.jobs.adapters.checkpoints import prefix_of
from vitascope.transcoding.jobs.adapters.scratch import Scratch
from vitascope.transcoding.jobs.repository import jobs as repository
from vitascope.transcoding.jobs.repository import parts, turns
from vitascope.transcoding.jobs.repository.jobs import Stale
from vitascope.transcoding.jobs.service.metering import Metering
from vitascope.transcoding.jobs.service.settings import JobsSettings

_SETTLED = timedelta(minutes=15)  # in which a job's own worker clears up
_AT_ONCE = 200


class Janitor:
    """Clears up after all jobs of all tenants."""

    def __init__(
        self,
        *,
        db: Database,
        objects: Objects,
        scratch: Scratch,
        metering: Metering,
        clock: Clock,
        settings: JobsSettings,
    ) -> None:
        self._db, self._objects, self._scratch, self._metering = db, objects, scratch, metering
        self._clock, self._kept = clock, timedelta(hours=settings.scratch_hours)
        self._watched = timedelta(hours=settings.first_hours)

    async def clear_scratch(self) -> None:
        """Remove this machine's folders of jobs that need none."""
        here = await self._scratch.jobs()
        async with self._db.system() as connection:
            needed = await repository.needing_scratch(
                connection, ids=here, since=self._clock.now() - self._kept
            )
        for job in here:
            if job not in needed:
                await self._scratch.remove(job)

    async def clear_staged(self) -> None:
        """Remove from the object store what attempts have written for nothing."""
        async with self._db.system() as connection:
            await repository.leave_first(connection, before=self._clock.now() - self._watched)
            found = await repository.with_rubbish(
                connection, before=self._clock.now() - _SETTLED, limit=_AT_ONCE
            )
        for stale in found:  # one transaction each, because a transaction has one tenant
            await self._clear(stale)

    async def clear_parts(self) -> None:
        """Settle what nobody has settled, and remove checkpoints that no retry has asked for in time."""
        settled, kept = self._clock.now() - _SETTLED, self._clock.now() - self._kept
        async with self._db.system() as connection:
            unsettled = await parts.unsettled(connection, before=settled, limit=_AT_ONCE)
            useless = await repository.with_checkpoints(connection, before=kept, limit=_AT_ONCE)
            await turns.forget_idle(connection)
        for stale in unsettled:
            await self._metering.settle(context_of(tenant=stale.tenant), job=stale.job)
        for stale in useless:
            await self._objects.delete_prefix(prefix_of(stale.tenant, stale.job))
            async with self._db.transaction(context_of(tenant=stale.tenant)) as tx:
                await repository.keep_checkpoints(tx, job=stale.job, kept=False)

    async def _clear(self, stale: Stale) -> None:
        ctx = context_of(tenant=stale.tenant)
        async with self._db.read(ctx) as reader:
            prefixes = await repository.staged(reader, job=stale.job)
        for prefix in prefixes:
            await self._objects.delete_prefix(ObjectPrefix(prefix))
        async with self._db.transaction(ctx) as tx:
            await repository.unstage(tx, job=stale.job, prefixes=prefixes)
