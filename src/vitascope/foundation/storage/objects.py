"""The port: what every store of objects can do.

ObjectMissing   404  there is no such object
ObjectExists    409  there is one already, and it must not be replaced
StorageFull     507  the disk has no room
StorageDown     503  the store does not answer
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Protocol, TypeAlias

from vitascope.foundation.errors import Conflict, NotFound, Unavailable, VitascopeError
from vitascope.foundation.storage.keys import ObjectKey, ObjectPrefix

CHUNK_BYTES = 1 << 20
PAGE = 1000

Body: TypeAlias = bytes | Path | AsyncIterator[bytes]
"""What is stored: bytes, a local file (copied), or a stream whose failure leaves nothing behind."""


class ObjectMissing(NotFound):
    """There is no such object."""


class ObjectExists(Conflict):
    """There is an object of this name already."""


class StorageFull(VitascopeError):
    """The disk that keeps the objects has no room left; free some, then try again."""

    status = HTTPStatus.INSUFFICIENT_STORAGE


class StorageDown(Unavailable):
    """The store of objects does not answer; try again soon."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """One object: its size in bytes, and an entity tag that changes whenever its bytes do."""

    key: ObjectKey
    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A page of objects, in the store's order; `after` is the cursor of the next, None on the last."""

    objects: Sequence[Stored]
    after: ObjectKey | None


class Objects(Protocol):
    """Stores bytes under keys. A reader sees the old object or the new one, whole, never a part.

    Once a write has returned it survives a crash. Metadata (content type, owner) is kept in the database.
    """

    async def put(self, key: ObjectKey, body: Body) -> Stored:
        """Store the body, in place of what was there."""

    async def put_if_absent(self, key: ObjectKey, body: Body) -> Stored:
        """Store the body if nothing is there; of several at once exactly one wins. Raises ObjectExists."""

    async def get(self, key: ObjectKey) -> bytes:
        """The whole object, for small ones. Raises ObjectMissing."""

    async def get_range(self, key: ObjectKey, *, start: int, end: int) -> bytes:
        """The bytes from `start` up to and without `end`, fewer when the object ends before."""

    def stream(self, key: ObjectKey, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The same in pieces, for large ones; raises ObjectMissing at the first."""

    async def head(self, key: ObjectKey) -> Stored:
        """Size, tag and time. Raises ObjectMissing."""

    async def page(
        self, prefix: ObjectPrefix, *, after: ObjectKey | None = None, limit: int = PAGE
    ) -> Listing:
        """At most `limit` objects below the prefix, those that follow `after`."""

    async def delete(self, key: ObjectKey) -> None:
        """Remove it; nothing there is no error."""

    async def delete_prefix(self, prefix: ObjectPrefix) -> None:
        """Remove all objects below the prefix."""

    async def copy(self, source: ObjectKey, target: ObjectKey) -> Stored:
        """Store a copy, in place of what was there. Raises ObjectMissing."""

    async def concatenate(self, parts: Sequence[ObjectKey], target: ObjectKey) -> Stored:
        """Join the parts into one new object; they stay. Raises ObjectMissing and ObjectExists."""

    def local_path(self, key: ObjectKey) -> Path | None:
        """Where its bytes are on this machine, for sendfile and ffmpeg; None when they are elsewhere."""
