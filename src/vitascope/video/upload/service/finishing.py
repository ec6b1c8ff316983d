"""Making one object of an upload's pieces, and giving up what nobody went on with."""

import contextlib
from collections.abc import Sequence
from datetime import timedelta

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.db.database import Database, Transaction, retried
from vitascope.foundation.events.subscriptions import context_of
from vitascope.foundation.storage.keys import ObjectKey, ObjectPrefix
from vitascope.foundation.storage.objects import ObjectExists, Objects
from vitascope.video.upload import repository
from vitascope.video.upload.contracts import Upload, UploadId, UploadState
from vitascope.video.upload.events import UploadCompleted
from vitascope.video.upload.service import places
from vitascope.video.upload.service.uploads import discard
from vitascope.video.upload.service.work import CLEAR, Leftovers

_STUCK_AFTER = timedelta(minutes=15)  # longer than the copying of a large film takes
_AT_ONCE = 200


class Finisher:
    """What happens to uploads without their clients. Every method may be repeated after a crash."""

    def __init__(self, *, db: Database, objects: Objects, clock: Clock) -> None:
        self._db, self._objects, self._clock = db, objects, clock

    async def compose(self, ctx: Context, *, upload: UploadId) -> None:
        """Make the pieces one object, unless that was done already or the upload is gone."""
        async with self._db.read(ctx) as reader:
            state = await repository.state_of(reader, upload=upload)
            pieces = await repository.parts_of(reader, upload=upload)
        if state == UploadState.ASSEMBLING:
            target = places.source_key(ctx.tenant, upload)
            with contextlib.suppress(ObjectExists):
                await self._objects.concatenate([ObjectKey(one.key) for one in pieces], target)

    @retried
    async def complete(self, ctx: Context, *, upload: UploadId) -> None:
        """Tell that the file is whole, and have the pieces removed once that has committed."""
        async with self._db.transaction(ctx) as tx:
            held = await repository.lock(tx, upload=upload)
            if held is None:  # removed meanwhile, perhaps before the object was made
                leftovers = Leftovers(prefixes=[places.folder_of(ctx.tenant, upload)])
                tx.start(CLEAR, leftovers, id=f"{upload}-clear-late")
            elif held.upload.state == UploadState.ASSEMBLING:
                await self._complete(tx, held.upload)

    async def _complete(self, tx: Transaction, upload: Upload) -> None:
        keys = await repository.forget_parts(tx, of=[upload.id])
        await repository.set_state(tx, upload=upload.id, state=UploadState.COMPLETED, at=self._clock.now())
        await repository.give_back(tx, size=0, count=1)
        tx.emit(_completed(tx.ctx, upload), subject=upload.id)
        if keys:
            leftovers = Leftovers(prefixes=places.folders_of_parts(keys))
            tx.start(CLEAR, leftovers, id=f"{upload.id}-clear-parts")

    async def clear(self, *, prefixes: Sequence[str]) -> None:
        """Remove everything below these prefixes."""
        for prefix in prefixes:
            await self._objects.delete_prefix(ObjectPrefix(prefix))

    async def expire(self) -> None:
        """Give up uploads that nobody went on with, over all tenants."""
        async with self._db.system() as connection:
            tenants = await repository.tenants_with_expired(connection, at=self._clock.now())
        for tenant in tenants:  # one transaction each, because a transaction has one tenant
            await self._expire_of(tenant)

    async def finish_stuck(self) -> None:
        """Assemble what could not be assembled in time, because the disk was full or the work had failed."""
        before = self._clock.now() - _STUCK_AFTER
        async with self._db.system() as connection:
            found = await repository.stuck(connection, before=before)
        for tenant, upload in found:
            ctx = context_of(tenant=tenant)
            await self.compose(ctx, upload=upload)
            await self.complete(ctx, upload=upload)

    @retried
    async def _expire_of(self, tenant: TenantId) -> None:
        async with self._db.transaction(context_of(tenant=tenant)) as tx:
            expired = await repository.lock_expired(tx, at=self._clock.now(), limit=_AT_ONCE)
            if expired:
                await discard(tx, uploads=expired)


def _completed(ctx: Context, upload: Upload) -> UploadCompleted:
    return UploadCompleted(
        upload=upload.id,
        object_key=str(places.source_key(ctx.tenant, upload.id)),
        filename=upload.filename,
        size=upload.received,
        owner=upload.owner,
        title=upload.title,
        publish=upload.publish,
    )
