"""Objects on a local disk: a file for each, its path the key."""

import asyncio
import contextlib
import errno
import os
import shutil
import stat
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, BinaryIO, ParamSpec, TypeVar

from vitascope.foundation.errors import Conflict
from vitascope.foundation.storage.keys import ObjectKey, ObjectPrefix
from vitascope.foundation.storage.objects import (
    CHUNK_BYTES,
    PAGE,
    Body,
    Listing,
    ObjectExists,
    ObjectMissing,
    StorageFull,
    Stored,
)

_FULL = {errno.ENOSPC, errno.EDQUOT}
_ABANDONED_SECONDS = 86_400
_PARTIAL = ".partial"  # no key begins with a dot
_TRIES = 10

P = ParamSpec("P")
T = TypeVar("T")


class LocalObjects:
    """Implements `Objects` in a folder.

    A write goes to a temporary name on the same file system, is flushed to the disk, and takes its name in
    one step. What a killed process left half-written is swept a day later.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._partial = self._folder / _PARTIAL
        self._partial.mkdir(parents=True, exist_ok=True)
        self._sweep()

    async def put(self, key: ObjectKey, body: Body) -> Stored:
        """Store the body, in place of what was there."""
        return await self._write(key, body, take_name=os.replace)

    async def put_if_absent(self, key: ObjectKey, body: Body) -> Stored:
        """Store the body if nothing is there. Raises ObjectExists."""
        if await _in_thread(self.local_path(key).exists):
            raise ObjectExists(extra={"key": key})
        return await self._write(key, body, take_name=os.link)

    async def get(self, key: ObjectKey) -> bytes:
        """The whole object. Raises ObjectMissing."""
        with _reading(key):
            return await _in_thread(self.local_path(key).read_bytes)

    async def get_range(self, key: ObjectKey, *, start: int, end: int) -> bytes:
        """The bytes from `start` up to and without `end`."""
        with _reading(key):
            return await _in_thread(_read_range, self.local_path(key), start, max(end - start, 0))

    async def stream(self, key: ObjectKey, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The same in pieces."""
        with _reading(key):
            file = await _in_thread(self.local_path(key).open, "rb", 0)
        try:
            await _in_thread(file.seek, start)
            left = float("inf") if end is None else end - start
            while left > 0 and (piece := await _in_thread(file.read, int(min(left, CHUNK_BYTES)))):
                left -= len(piece)
                yield piece
        finally:
            file.close()

    async def head(self, key: ObjectKey) -> Stored:
        """Size, tag and time. Raises ObjectMissing."""
        with _reading(key):
            return await _in_thread(_stored, key, self.local_path(key))

    async def page(
        self, prefix: ObjectPrefix, *, after: ObjectKey | None = None, limit: int = PAGE
    ) -> Listing:
        """At most `limit` objects below the prefix, those that follow `after`."""
        return await _in_thread(self._page, prefix, after or "", limit)

    async def delete(self, key: ObjectKey) -> None:
        """Remove it; nothing there is no error."""
        await _in_thread(self._delete, self.local_path(key))

    async def delete_prefix(self, prefix: ObjectPrefix) -> None:
        """Remove all objects below the prefix, at once for all who look."""
        await _in_thread(self._delete_folder, self._folder / prefix)

    async def copy(self, source: ObjectKey, target: ObjectKey) -> Stored:
        """Store a copy, in place of what was there. Raises ObjectMissing."""
        with _reading(source):
            await _in_thread(self.local_path(source).stat)
        return await self._write(target, self.local_path(source), take_name=os.replace)

    async def concatenate(self, parts: Sequence[ObjectKey], target: ObjectKey) -> Stored:
        """Join the parts into one new object. Raises ObjectMissing and ObjectExists."""
        for part in parts:
            with _reading(part):
                await _in_thread(self.local_path(part).stat)
        return await self._write(target, *map(self.local_path, parts), take_name=os.link)

    def local_path(self, key: ObjectKey) -> Path:
        """The file itself; it is there when the object is."""
        return self._folder / key

    async def _write(self, key: ObjectKey, *bodies: Body, take_name: Callable[[Path, Path], None]) -> Stored:
        partial = self._partial / uuid.uuid4().hex
        try:
            with _writing(key):
                with _opened(partial) as file:
                    for body in bodies:
                        await _pour(body, file)
                    await _in_thread(os.fsync, file.fileno())
                return await _in_thread(self._publish, key, partial, take_name)
        finally:
            await _in_thread(partial.unlink, missing_ok=True)

    def _publish(self, key: ObjectKey, partial: Path, take_name: Callable[[Path, Path], None]) -> Stored:
        target = self.local_path(key)
        with _naming(key):
            for left in reversed(range(_TRIES)):
                try:
                    _make_folders(target.parent, below=self._folder)
                    take_name(partial, target)
                    break
                except FileNotFoundError:
                    # A deletion swept the folder, empty for that moment, from under us.
                    if not left:
                        raise
        _sync_folder(target.parent)
        return _stored(key, target)

    def _page(self, prefix: str, after: str, limit: int) -> Listing:
        found: list[Stored] = []
        for key in self._keys(prefix, after):
            # What is deleted amid the listing is not listed.
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                found.append(_stored(key, self.local_path(key)))
            if len(found) > limit:
                return Listing(objects=found[:limit], after=found[limit - 1].key)
        return Listing(objects=found, after=None)

    def _keys(self, prefix: str, after: str) -> Iterator[ObjectKey]:
        """Keys below the prefix, in the order of their bytes: a folder sorts with its slash."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            with os.scandir(self._folder / prefix) as entries:
                names = sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries)
            for name in names:
                key = prefix + name
                if not name.endswith("/"):
                    if key > after:
                        yield ObjectKey(key)
                elif key > after or after.startswith(key):
                    yield from self._keys(key, after)

    def _delete(self, path: Path) -> None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            path.unlink()
            _sync_folder(path.parent)
        self._remove_empty(path.parent)

    def _delete_folder(self, folder: Path) -> None:
        trash = self._partial / uuid.uuid4().hex
        try:
            folder.rename(trash)
        except (FileNotFoundError, NotADirectoryError):
            return
        _sync_folder(folder.parent)
        self._remove_empty(folder.parent)
        shutil.rmtree(trash, ignore_errors=True)

    def _remove_empty(self, folder: Path) -> None:
        while folder != self._folder:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    def _sweep(self) -> None:
        long_ago = time.time() - _ABANDONED_SECONDS
        for left in self._partial.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if left.stat().st_mtime < long_ago:
                    shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink()


async def _in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run it in a thread; when cancelled, only after it has ended: it may hold an open file."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


async def _pour(body: Body, file: IO[bytes]) -> None:
    if isinstance(body, Path):
        await _in_thread(_copy_file, body, file)
    elif isinstance(body, bytes):
        await _in_thread(_write_all, file, body)
    else:
        async for piece in body:
            await _in_thread(_write_all, file, piece)


def _copy_file(source: Path, file: IO[bytes]) -> None:
    with source.open("rb", 0) as original:
        # In the kernel where it can, and without copying at all where the file system shares blocks.
        try:
            while os.copy_file_range(original.fileno(), file.fileno(), 1 << 30):
                pass
        except OSError as error:
            if error.errno not in {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}:
                raise
            shutil.copyfileobj(original, file, CHUNK_BYTES)


def _write_all(file: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _read_range(path: Path, start: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)


def _stored(key: ObjectKey, path: Path) -> Stored:
    there = path.stat()
    if stat.S_ISDIR(there.st_mode):
        raise IsADirectoryError(errno.EISDIR, key)
    tag = f"{there.st_ino:x}-{there.st_mtime_ns:x}-{there.st_size:x}"
    return Stored(key=key, size=there.st_size, etag=tag, modified=datetime.fromtimestamp(there.st_mtime, UTC))


def _make_folders(folder: Path, *, below: Path) -> None:
    """Make the missing ones and flush each into its parent, or a crash forgets them with the object."""
    if folder == below or folder.is_dir():
        return
    _make_folders(folder.parent, below=below)
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _reading(key: ObjectKey) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise ObjectMissing(extra={"key": key}) from None


@contextlib.contextmanager
def _writing(key: ObjectKey) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(extra={"key": key}) from error
        raise


@contextlib.contextmanager
def _naming(key: ObjectKey) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise ObjectExists(extra={"key": key}) from None
    except (IsADirectoryError, NotADirectoryError):
        raise Conflict(f"{key} and another object's name lie one within the other.", field="key") from None


def _opened(partial: Path) -> BinaryIO:
    """The new file, not opened in a thread: one whose opener is cancelled meanwhile would be dropped open."""
    return partial.open("xb", 0)
