"""What may happen to an upload in which state."""

from datetime import datetime

from vitascope.foundation.db.database import Transaction
from vitascope.video.upload import repository
from vitascope.video.upload.contracts import (
    LongerThanDeclared,
    NotWritable,
    OffsetMismatch,
    Upload,
    UploadExpired,
    UploadLocked,
    UploadState,
)
from vitascope.video.upload.repository import Held
from vitascope.video.upload.service.work import ASSEMBLE, Assembly


def require_writable(held: Held, *, offset: int, at: datetime) -> None:
    """Raise unless the upload takes bytes at this offset from a new request now."""
    upload = held.upload
    if upload.is_joined:
        raise NotWritable
    if upload.expires_at <= at:
        raise UploadExpired
    if held.is_locked(at):
        raise UploadLocked(extra={"retry_after": 1})
    if upload.received != offset:
        raise OffsetMismatch(f"The upload goes on at offset {upload.received}, not at {offset}.")
    if upload.state != UploadState.RECEIVING:
        raise NotWritable


def require_room(upload: Upload, *, size: int | None) -> None:
    """Raise if a body of this size is more than the upload still takes."""
    if size is not None and upload.length is not None and upload.received + size > upload.length:
        raise LongerThanDeclared


def reserved(upload: Upload) -> int:
    """The bytes that the upload takes of the tenant's share."""
    return upload.received if upload.length is None else upload.length


async def all_received(tx: Transaction, *, upload: Upload, at: datetime) -> None:
    """Go on, now that every byte is safe: a part of a parallel upload waits, any other is assembled."""
    if upload.is_part:
        await repository.set_state(tx, upload=upload.id, state=UploadState.RECEIVED, at=at)
        return
    await repository.set_state(tx, upload=upload.id, state=UploadState.ASSEMBLING, at=at)
    tx.start(ASSEMBLE, Assembly(upload=upload.id), id=f"{upload.id}-assemble")
