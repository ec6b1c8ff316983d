"""Making one object of an upload's pieces, and giving up what nobody went on with."""

from collections.abc import Sequence
from datetime import timedelta

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.db.database import Database, retried
from vitascope.foundation.events.subscriptions import context_of
from vitascope.foundation.storage import Objects
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.video.upload import repository
from vitascope.video.upload.contracts import Upload, UploadId, UploadState
from vitascope.video.upload.events import UploadCompleted
from vitascope.video.upload.service import places
from vitascope.video.upload.service.uploads import discard

_STUCK_AFTER = timedelta(minutes=15)  # longer than the copying of a large film takes
_AT_ONCE = 200


class Finisher:
    """What happens to uploads without their clients. Every method may be repeated after a crash."""

    def __init__(self, *, db: Database, objects: Objects, clock: Clock) -> None:
        self._db, self._objects, self._clock = db, objects, clock

    async def compose(self, ctx: Context, *, upload: UploadId) -> None:
        """Make the pieces one object, unless that was done already or the upload is gone."""
        async with self._db.read(ctx) as reader:
            pieces = await repository.parts_of(reader, upload=upload)
        target = places.source_key(ctx.tenant, upload)
        if await self._objects.head(target) is None:
            await self._objects.compose(target, [ObjectKey(one.key) for one in pieces])

    @retried
    async def complete(self, ctx: Context, *, upload: UploadId) -> list[str]:
        """Tell that the file is whole; returns the prefixes of pieces that are needed no more."""
        async with self._db.transaction(ctx) as tx:
            held = await repository.lock(tx, upload=upload)
            if held is None:
                return [places.folder_of(ctx.tenant, upload)]
            if held.upload.state != UploadState.ASSEMBLING:
                return [f"{places.folder_of(ctx.tenant, upload)}parts/"]
            keys = await repository.forget_parts(tx, of=[upload])
            now = self._clock.now()
            await repository.set_state(tx, upload=upload, state=UploadState.COMPLETED, at=now)
            await repository.give_back(tx, size=0, count=1)
            tx.emit(_completed(ctx, held.upload), subject=upload)
        return places.folders_of_parts(keys)

    async def clear(self, *, prefixes: Sequence[str]) -> None:
        """Remove everything below these prefixes."""
        for prefix in prefixes:
            await self._objects.delete_prefix(prefix)

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
            await self.clear(prefixes=await self.complete(ctx, upload=upload))

    @retried
    async def _expire_of(self, tenant: TenantId) -> None:
        async with self._db.transaction(context_of(tenant=tenant)) as tx:
            expired = await repository.lock_expired(tx, at=self._clock.now(), limit=_AT_ONCE)
            if expired:
                await discard(tx, uploads=expired)


def _completed(ctx: Context, upload: Upload) -> UploadCompleted:
    return UploadCompleted(
        upload=upload.id,
        object_key=places.source_key(ctx.tenant, upload.id),
        filename=upload.filename,
        size=upload.received,
        owner=upload.owner,
        title=upload.title,
        publish=upload.publish,
    )
