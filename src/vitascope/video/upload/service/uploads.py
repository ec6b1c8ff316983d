"""Creating, joining, showing and removing uploads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database, Transaction, retried
from vitascope.foundation.errors import Invalid
from vitascope.foundation.ids import Ids
from vitascope.identity.tenants.contracts import Quota, Tenants
from vitascope.identity.users.contracts import Permission
from vitascope.video.upload import repository
from vitascope.video.upload.contracts import (
    NoSuchUpload,
    PartsNotJoinable,
    StorageQuotaExceeded,
    TooManyUploads,
    Upload,
    UploadExpired,
    UploadId,
    UploadState,
    UploadTooLarge,
)
from vitascope.video.upload.service import places, rules
from vitascope.video.upload.service.names import clean_filename, clean_text
from vitascope.video.upload.service.settings import UploadSettings
from vitascope.video.upload.service.work import CLEAR, Leftovers


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload:
    """What a client says of a file before it sends it. `length` is None where it is not known yet.

    `filename` and `title` are taken as they come and cleaned here.
    """

    length: int | None
    filename: str = ""
    filetype: str | None = None
    title: str | None = None
    publish: bool = False
    metadata: str | None = None
    concat: str | None = None


class UploadService:
    """Implements `contracts.Uploads`, and what tus asks around the sending of bytes."""

    def __init__(
        self, *, db: Database, tenants: Tenants, clock: Clock, ids: Ids, settings: UploadSettings
    ) -> None:
        self._db, self._tenants, self._clock, self._ids = db, tenants, clock, ids
        self._settings = settings

    async def create(self, ctx: Context, *, new: NewUpload) -> Upload:
        """Reserve the tenant's share and open an upload; an empty file is whole at once."""
        ctx.require(Permission.UPLOAD)
        self._check_length(new.length)
        limits = await self._limits(ctx)
        return await self._create(ctx, new=new, limits=limits)

    async def join(self, ctx: Context, *, new: NewUpload, of: Sequence[UploadId]) -> Upload:
        """Put whole parts of a parallel upload one behind another; raises `PartsNotJoinable`."""
        ctx.require(Permission.UPLOAD)
        if not of or len(set(of)) != len(of):
            raise Invalid("Upload-Concat names each part once.", field="Upload-Concat")
        return await self._join(ctx, new=new, of=of)

    async def get(self, ctx: Context, *, upload: UploadId) -> Upload:
        """One of the account's own uploads; raises `NoSuchUpload`."""
        async with self._db.read(ctx) as reader:
            found = await repository.get(reader, upload=upload, owner=ctx.account)
        if found is None:
            raise NoSuchUpload
        return found

    async def open(self, ctx: Context, *, upload: UploadId) -> Upload:
        """An upload to go on with; raises `NoSuchUpload` or `UploadExpired`."""
        found = await self.get(ctx, upload=upload)
        if (
            found.state in {UploadState.RECEIVING, UploadState.RECEIVED}
            and found.expires_at <= self._clock.now()
        ):
            raise UploadExpired
        return found

    async def own(self, ctx: Context, *, after: UploadId | None, limit: int) -> Sequence[Upload]:
        """The account's own uploads, newest first."""
        async with self._db.read(ctx) as reader:
            return await repository.own(reader, owner=ctx.account, after=after, limit=limit)

    @retried
    async def remove(self, ctx: Context, *, upload: UploadId) -> None:
        """Remove an upload, finished or not, with its bytes; raises `NoSuchUpload`.

        A request that is sending bytes to it fails at its next part.
        """
        async with self._db.transaction(ctx) as tx:
            held = await repository.lock(tx, upload=upload, owner=ctx.account)
            if held is None:
                raise NoSuchUpload
            await discard(tx, uploads=[held.upload])

    async def limits(self, ctx: Context) -> "Limits":
        """What the tenant may use."""
        return await self._limits(ctx)

    async def _limits(self, ctx: Context) -> "Limits":
        return Limits(
            storage=await self._tenants.quota(ctx, quota=Quota.STORAGE_BYTES),
            uploads=await self._tenants.quota(ctx, quota=Quota.OPEN_UPLOADS),
        )

    @retried
    async def _create(self, ctx: Context, *, new: NewUpload, limits: "Limits") -> Upload:
        upload = self._opened(ctx, new)
        async with self._db.transaction(ctx) as tx:
            await take_share(tx, size=upload.length or 0, count=1, limits=limits)
            await repository.add(tx, upload=upload)
            if upload.length == 0:
                await rules.all_received(tx, upload=upload, at=upload.created_at)
        return upload

    @retried
    async def _join(self, ctx: Context, *, new: NewUpload, of: Sequence[UploadId]) -> Upload:
        now = self._clock.now()
        async with self._db.transaction(ctx) as tx:
            locked = await repository.lock_parts_of_parallel(tx, ids=of, owner=ctx.account, at=now)
            found = {one.id: one for one in locked}
            if len(found) != len(of):
                raise PartsNotJoinable
            size = sum(one.received for one in found.values())
            self._check_length(size)
            upload = replace(self._opened(ctx, new), length=size, received=size)
            await repository.add(tx, upload=upload)
            await repository.move_parts(tx, of=[found[one] for one in of], into=upload.id)
            await repository.give_back(tx, size=0, count=len(of) - 1)
            await rules.all_received(tx, upload=upload, at=now)
        return upload

    def _opened(self, ctx: Context, new: NewUpload) -> Upload:
        now = self._clock.now()
        return Upload(
            id=self._ids.new(UploadId),
            owner=ctx.account,
            state=UploadState.RECEIVING,
            filename=clean_filename(new.filename),
            filetype=clean_text(new.filetype or "") or None,
            title=clean_text(new.title or "") or None,
            publish=new.publish,
            received=0,
            length=new.length,
            created_at=now,
            expires_at=now + timedelta(hours=self._settings.expire_hours),
            completed_at=None,
            metadata=new.metadata,
            concat=new.concat,
        )

    def _check_length(self, length: int | None) -> None:
        if length is not None and length > self._settings.max_bytes:
            raise UploadTooLarge(f"A file may have at most {self._settings.max_bytes} bytes.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A tenant's quotas: bytes of storage and unfinished uploads."""

    storage: int
    uploads: int


async def take_share(tx: Transaction, *, size: int, count: int, limits: Limits) -> None:
    """Take off the tenant's share; raises `StorageQuotaExceeded` or `TooManyUploads`."""
    taken = await repository.reserve(
        tx, size=size, count=count, max_bytes=limits.storage, max_uploads=limits.uploads
    )
    if taken:
        return
    if await repository.used_bytes(tx) + size > limits.storage:
        raise StorageQuotaExceeded(extra={"limit": limits.storage})
    raise TooManyUploads(f"At most {limits.uploads} uploads may be unfinished at once; finish or remove one.")


async def discard(tx: Transaction, *, uploads: Sequence[Upload]) -> None:
    """Forget uploads, return their share, and have their bytes removed once this has committed."""
    ids = [one.id for one in uploads]
    keys = await repository.forget_parts(tx, of=ids)
    await repository.remove(tx, ids=ids)
    unfinished = sum(one.state != UploadState.COMPLETED for one in uploads)
    await repository.give_back(tx, size=sum(rules.reserved(one) for one in uploads), count=unfinished)
    own = {places.folder_of(tx.ctx.tenant, one) for one in ids}
    prefixes = sorted(own.union(places.folders_of_parts(keys)))
    tx.start(CLEAR, Leftovers(prefixes=prefixes), id=f"{ids[0]}-clear")
