"""A finished set on its way from this machine into the object store."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

from vitascope.foundation.storage.keys import ObjectPrefix
from vitascope.foundation.storage.objects import Objects
from vitascope.transcoding.pipeline.package import MANIFESTS
from vitascope.transcoding.pipeline.pictures import FOLDER

_LAST = (MANIFESTS.dash, MANIFESTS.hls)


def files_of(packaged: Path, drawn: Path) -> dict[str, Path]:
    """All files of a set by their names in it, those that name the others last."""
    found = {str(path.relative_to(packaged)): path for path in packaged.rglob("*") if path.is_file()}
    found |= {f"{FOLDER}/{path.name}": path for path in drawn.iterdir() if path.is_file()}
    last = {name: found.pop(name) for name in _LAST if name in found}
    return dict(sorted(found.items())) | last


async def ship(
    objects: Objects,
    files: Mapping[str, Path],
    *,
    to: ObjectPrefix,
    at_once: int,
    progress: Callable[[float], None],
) -> None:
    """Store all files below the prefix, the manifests after all others.

    `progress` hears the part that is done after each file; what it raises ends the shipping.
    """
    done = 0

    async def put(name: str) -> None:
        nonlocal done
        await objects.put(to.key(*name.split("/")), files[name])
        done += 1
        progress(done / len(files))

    await _each([name for name in files if name not in _LAST], put, at_once=at_once)
    for name in files:
        if name in _LAST:
            await put(name)


async def size_of(objects: Objects, prefix: ObjectPrefix) -> int:
    """The bytes of all objects below a prefix."""
    size, after = 0, None
    while True:
        page = await objects.page(prefix, after=after)
        size += sum(one.size for one in page.objects)
        after = page.after
        if after is None:
            return size


async def _each(names: Iterable[str], put: Callable[[str], Awaitable[None]], *, at_once: int) -> None:
    """Put them, so many at once; after a failure no further one is begun, and those under way end."""
    waiting = deque(names)

    async def carry() -> None:
        while waiting:
            try:
                await put(waiting.popleft())
            except BaseException:
                waiting.clear()
                raise

    ended = await asyncio.gather(*(carry() for _ in range(at_once)), return_exceptions=True)
    for failure in ended:
        if failure is not None:
            raise failure
