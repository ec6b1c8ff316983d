"""The film on this machine, as the programs need it."""

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from pathlib import Path

from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.objects import ObjectMissing, Objects

_NAME = "source"


async def fetch(objects: Objects, key: ObjectKey, *, folder: Path, progress: Callable[[float], None]) -> Path:
    """The object's own file where it is on this machine, else a whole copy in the folder.

    A copy that is there already is not made again. `progress` hears the part that has come. Raises
    ObjectMissing.
    """
    stored = await objects.head(key)
    path = objects.local_path(key)
    if path is not None:
        if not await asyncio.to_thread(path.is_file):
            raise ObjectMissing
        return path
    copy = folder / _NAME
    if not await asyncio.to_thread(_is_whole, copy, stored.size):
        await _download(objects, key, folder=folder, size=stored.size, progress=progress)
    return copy


async def _download(
    objects: Objects, key: ObjectKey, *, folder: Path, size: int, progress: Callable[[float], None]
) -> None:
    # Another process of this machine may fetch the same film at the same time.
    partial, came = folder / f".{_NAME}.{uuid.uuid4().hex}", 0
    try:
        with await asyncio.to_thread(partial.open, "wb") as file:
            async for piece in objects.stream(key):
                came += await asyncio.to_thread(file.write, piece)
                progress(came / max(size, 1))
        await asyncio.to_thread(partial.rename, folder / _NAME)
    finally:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()


def _is_whole(copy: Path, size: int) -> bool:
    return copy.is_file() and copy.stat().st_size == size
