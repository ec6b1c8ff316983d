"""A finished set on its way from this machine into the object store."""

import asyncio
from collections.abc import Callable, Mapping
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
    done, room = 0, asyncio.Semaphore(at_once)

    async def put(name: str) -> None:
        nonlocal done
        async with room:
            await objects.put(to.key(*name.split("/")), files[name])
        done += 1
        progress(done / len(files))

    try:
        async with asyncio.TaskGroup() as group:
            for name in files:
                if name not in _LAST:
                    group.create_task(put(name))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None  # the others are of the same cause
    for name in files:
        if name in _LAST:
            await put(name)
