"""What others may ask of upload."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Protocol

from vitascope.foundation.context import AccountId, Context
from vitascope.foundation.errors import Conflict, Gone, NotFound, QuotaExceeded, TooLarge, VitascopeError
from vitascope.foundation.ids import Id


class UploadId(Id, prefix="upl"):
    """An upload, from its creation to the whole file."""


class UploadState(StrEnum):
    """Where an upload is.

    A part of a parallel upload ends as `received` and waits to be joined; any other goes on to
    `assembling`, while its pieces become one object, and to `completed`.
    """

    RECEIVING = "receiving"
    RECEIVED = "received"
    ASSEMBLING = "assembling"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload as its owner sees it.

    `received` of `length` bytes are safe; the length may be unknown at first. `filename` is cleaned
    for display and never part of a path. `metadata` and `concat` are the tus headers as they came.
    """

    id: UploadId
    owner: AccountId
    state: UploadState
    filename: str
    filetype: str | None
    title: str | None
    publish: bool
    received: int
    length: int | None
    created_at: datetime
    expires_at: datetime
    completed_at: datetime | None
    metadata: str | None = None
    concat: str | None = None

    @property
    def is_part(self) -> bool:
        """Whether this is a part of a parallel upload."""
        return self.concat == "partial"

    @property
    def is_joined(self) -> bool:
        """Whether this was put together from parts of a parallel upload."""
        return self.concat is not None and not self.is_part


class NoSuchUpload(NotFound):
    """There is no such upload; it may have been removed. Start a new one."""


class UploadExpired(Gone):
    """This upload lay unfinished for too long and was given up; start a new one."""


class UploadLocked(VitascopeError):
    """Another request is sending bytes to this upload; wait a moment, ask for the offset and go on there."""

    status = HTTPStatus.LOCKED


class OffsetMismatch(Conflict):
    """The upload goes on at another offset; ask for it and go on there."""


class ChecksumMismatch(VitascopeError):
    """The bytes that arrived are not those that were sent; send them again from the same offset."""

    status = 460  # of the tus checksum extension


class UploadTooLarge(TooLarge):
    """The file is larger than what is taken here."""


class LongerThanDeclared(TooLarge):
    """More bytes came than the upload's length allows; the surplus was thrown away."""


class StorageQuotaExceeded(QuotaExceeded):
    """The studio's storage is full; remove an upload or ask for a larger quota."""


class TooManyUploads(QuotaExceeded):
    """Too many unfinished uploads at once; finish or remove one first."""


class PartsNotJoinable(Conflict):
    """Only whole parts of your own parallel upload can be joined, each once."""


class NotWritable(VitascopeError):
    """This upload takes no bytes: it is whole, or was joined from parts."""

    status = HTTPStatus.FORBIDDEN


class Uploads(Protocol):
    """The signed-in account's uploads; those of others do not exist for it."""

    async def get(self, ctx: Context, *, upload: UploadId) -> Upload:
        """One upload; raises `NoSuchUpload`."""

    async def own(self, ctx: Context, *, after: UploadId | None, limit: int) -> Sequence[Upload]:
        """Uploads, newest first, those before `after`; the parts of parallel uploads are left out."""

    async def remove(self, ctx: Context, *, upload: UploadId) -> None:
        """Remove an upload, finished or not, with its bytes; raises `NoSuchUpload`."""
