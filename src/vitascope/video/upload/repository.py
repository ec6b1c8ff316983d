"""All SQL of uploads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vitascope.foundation.context import AccountId, TenantId
from vitascope.foundation.db.database import Reader, Transaction
from vitascope.video.upload.contracts import Upload, UploadId, UploadState
from vitascope.video.upload.models import parts, uploads, usage

_VIEW = [uploads.c[name] for name in Upload.__dataclass_fields__]
_UNFINISHED = uploads.c.state != UploadState.COMPLETED

# The row is made or changed only if both limits hold afterwards: checked and written in one statement,
# so two requests at once cannot both take the last share.
_RESERVE = text(
    """
    INSERT INTO video_upload.usage AS u (bytes, unfinished)
    SELECT w.bytes, w.uploads
    FROM (SELECT cast(:bytes AS bigint), cast(:uploads AS integer)) AS w (bytes, uploads)
    WHERE w.bytes <= cast(:max_bytes AS bigint) AND w.uploads <= cast(:max_uploads AS bigint)
    ON CONFLICT (tenant_id) DO UPDATE
    SET bytes = u.bytes + excluded.bytes, unfinished = u.unfinished + excluded.unfinished
    WHERE u.bytes + excluded.bytes <= cast(:max_bytes AS bigint)
        AND u.unfinished + excluded.unfinished <= cast(:max_uploads AS bigint)
    """
)

# The parts of a parallel upload become parts of the joined one, each moved on by what lies before it.
_MOVE_PARTS = text(
    """
    UPDATE video_upload.parts AS p SET upload = :into, start = p.start + b.base
    FROM unnest(cast(:ids AS uuid[]), cast(:bases AS bigint[])) AS b (id, base)
    WHERE p.upload = b.id
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An upload and who may write to it until when."""

    upload: Upload
    writer: UUID | None
    writer_until: datetime | None

    def is_locked(self, at: datetime) -> bool:
        """Whether a request is sending bytes, or was until a moment ago."""
        return self.writer is not None and self.writer_until is not None and self.writer_until > at


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A durable piece of an upload."""

    start: int
    size: int
    key: str


def _view(row: Row[Any]) -> Upload:
    values = {name: getattr(row, name) for name in Upload.__dataclass_fields__}
    return Upload(**{**values, "state": UploadState(row.state)})


async def reserve(tx: Transaction, *, size: int, count: int, max_bytes: int, max_uploads: int) -> bool:
    """Take bytes and unfinished uploads off the tenant's share; False if it does not have them."""
    values = {"bytes": size, "uploads": count, "max_bytes": max_bytes, "max_uploads": max_uploads}
    return await tx.execute(_RESERVE, values) == 1


async def give_back(tx: Transaction, *, size: int, count: int) -> None:
    """Return bytes and unfinished uploads to the tenant's share."""
    await tx.execute(update(usage).values(bytes=usage.c.bytes - size, unfinished=usage.c.unfinished - count))


async def used_bytes(reader: Reader) -> int:
    """How much storage the tenant's uploads take or have reserved."""
    return await reader.scalar(select(usage.c.bytes)) or 0


async def add(tx: Transaction, *, upload: Upload) -> None:
    """Keep a new upload."""
    values = {name: getattr(upload, name) for name in Upload.__dataclass_fields__}
    await tx.execute(insert(uploads).values(**values, changed_at=upload.created_at))


async def get(reader: Reader, *, upload: UploadId, owner: AccountId) -> Upload | None:
    """An upload of this owner."""
    row = await reader.first(select(*_VIEW).where(uploads.c.id == upload, uploads.c.owner == owner))
    return _view(row) if row is not None else None


async def own(reader: Reader, *, owner: AccountId, after: UploadId | None, limit: int) -> Sequence[Upload]:
    """The owner's uploads, newest first; ids grow with time."""
    query = select(*_VIEW).where(
        uploads.c.owner == owner, or_(uploads.c.concat.is_(None), uploads.c.concat != "partial")
    )
    if after is not None:
        query = query.where(uploads.c.id < after)
    return [_view(row) for row in await reader.rows(query.order_by(uploads.c.id.desc()).limit(limit))]


async def lock(tx: Transaction, *, upload: UploadId, owner: AccountId | None = None) -> Held | None:
    """An upload whose row nobody else changes until this transaction ends."""
    query = select(*_VIEW, uploads.c.writer, uploads.c.writer_until).where(uploads.c.id == upload)
    if owner is not None:
        query = query.where(uploads.c.owner == owner)
    row = await tx.first(query.with_for_update())
    return (
        Held(upload=_view(row), writer=row.writer, writer_until=row.writer_until) if row is not None else None
    )


async def lock_parts_of_parallel(
    tx: Transaction, *, ids: Sequence[UploadId], owner: AccountId, at: datetime
) -> Sequence[Upload]:
    """Those of the owner's uploads that are whole parts waiting to be joined, locked."""
    query = select(*_VIEW).where(
        uploads.c.id.in_(ids),
        uploads.c.owner == owner,
        uploads.c.concat == "partial",
        uploads.c.state == UploadState.RECEIVED,
        uploads.c.expires_at > at,
    )
    return [_view(row) for row in await tx.rows(query.order_by(uploads.c.id).with_for_update())]


async def take(
    tx: Transaction, *, upload: UploadId, writer: UUID, until: datetime, length: int | None
) -> None:
    """Make a request the writer of a locked upload; `length` when it is now known."""
    await tx.execute(
        update(uploads).where(uploads.c.id == upload).values(writer=writer, writer_until=until, length=length)
    )


async def keep(tx: Transaction, *, upload: UploadId, writer: UUID, until: datetime) -> bool:
    """Stay the writer; False if another took over."""
    held = update(uploads).where(uploads.c.id == upload, uploads.c.writer == writer)
    return await tx.execute(held.values(writer_until=until)) == 1


async def release(tx: Transaction, *, upload: UploadId, writer: UUID) -> None:
    """Stop being the writer."""
    held = update(uploads).where(uploads.c.id == upload, uploads.c.writer == writer)
    await tx.execute(held.values(writer=None, writer_until=None))


async def advance(
    tx: Transaction,
    *,
    upload: UploadId,
    writer: UUID,
    added: Sequence[Part],
    until: datetime,
    expires_at: datetime,
) -> bool:
    """Count these parts as received; False, and nothing changes, if another writer took over."""
    held = update(uploads).where(
        uploads.c.id == upload, uploads.c.writer == writer, uploads.c.received == added[0].start
    )
    end = added[-1].start + added[-1].size
    if await tx.execute(held.values(received=end, writer_until=until, expires_at=expires_at)) != 1:
        return False
    await tx.execute(
        insert(parts), [{"upload": upload, "start": p.start, "size": p.size, "key": p.key} for p in added]
    )
    return True


async def move_parts(tx: Transaction, *, of: Sequence[Upload], into: UploadId) -> None:
    """Put the parts of several uploads one behind another into one, and forget those uploads."""
    bases, base = [], 0
    for one in of:
        bases.append(base)
        base += one.received
    ids = [one.id.uuid for one in of]
    await tx.execute(_MOVE_PARTS, {"into": into.uuid, "ids": ids, "bases": bases})
    await tx.execute(delete(uploads).where(uploads.c.id.in_([one.id for one in of])))


async def set_state(tx: Transaction, *, upload: UploadId, state: UploadState, at: datetime) -> None:
    """Go on to the next state."""
    finished = at if state == UploadState.COMPLETED else None
    values = {
        "state": state,
        "changed_at": at,
        "completed_at": finished,
        "writer": None,
        "writer_until": None,
    }
    await tx.execute(update(uploads).where(uploads.c.id == upload).values(**values))


async def state_of(reader: Reader, *, upload: UploadId) -> UploadState | None:
    """The upload's state, or None where it is gone."""
    found = await reader.scalar(select(uploads.c.state).where(uploads.c.id == upload))
    return UploadState(found) if found is not None else None


async def parts_of(reader: Reader, *, upload: UploadId) -> Sequence[Part]:
    """The pieces, in the file's order."""
    query = select(parts.c.start, parts.c.size, parts.c.key).where(parts.c.upload == upload)
    return [
        Part(start=r.start, size=r.size, key=r.key) for r in await reader.rows(query.order_by(parts.c.start))
    ]


async def forget_parts(tx: Transaction, *, of: Sequence[UploadId]) -> Sequence[str]:
    """Forget the pieces of these uploads; returns their keys."""
    return await tx.scalars(delete(parts).where(parts.c.upload.in_(of)).returning(parts.c.key))


async def remove(tx: Transaction, *, ids: Sequence[UploadId]) -> None:
    """Forget these uploads, whose parts are gone."""
    await tx.execute(delete(uploads).where(uploads.c.id.in_(ids)))


async def lock_expired(tx: Transaction, *, at: datetime, limit: int) -> Sequence[Upload]:
    """Uploads of the tenant that nobody went on with, locked; none that is being assembled."""
    query = select(*_VIEW).where(
        uploads.c.expires_at < at, uploads.c.state.in_([UploadState.RECEIVING, UploadState.RECEIVED])
    )
    query = query.where(or_(uploads.c.writer.is_(None), uploads.c.writer_until < at))
    rows = await tx.rows(query.order_by(uploads.c.id).limit(limit).with_for_update(skip_locked=True))
    return [_view(row) for row in rows]


async def tenants_with_expired(connection: AsyncConnection, *, at: datetime) -> Sequence[TenantId]:
    """Tenants, over all of the platform, some of whose uploads have expired."""
    query = select(uploads.c.tenant_id).where(_UNFINISHED, uploads.c.expires_at < at).distinct()
    return (await connection.execute(query)).scalars().all()


async def stuck(connection: AsyncConnection, *, before: datetime) -> Sequence[tuple[TenantId, UploadId]]:
    """Uploads, over all of the platform, that began to be assembled before this and are not whole yet."""
    query = select(uploads.c.tenant_id, uploads.c.id).where(
        uploads.c.state == UploadState.ASSEMBLING, uploads.c.changed_at < before
    )
    return [(row.tenant_id, row.id) for row in await connection.execute(query)]
