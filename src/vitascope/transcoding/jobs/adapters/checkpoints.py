"""Encoded parts of films on their way from one machine to another, through the object store.

A finished part lies in the store below the job's own prefix as it lies in the scratch folder of the
machine that made it: `chunks/<name>` and `sound-<name>/…`. Its name says what is in it, so whichever
machine finds it there need not make it.
"""

import asyncio
import shutil
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path

from vitascope.foundation.storage.keys import ObjectKey, ObjectPrefix
from vitascope.foundation.storage.objects import ObjectMissing, Objects
from vitascope.transcoding.jobs.contracts import JobId
from vitascope.transcoding.pipeline.encode import CHUNKS

_SOUND = "sound-"


class Checkpoints:
    """The finished parts of jobs."""

    def __init__(self, *, objects: Objects) -> None:
        self._objects = objects

    async def keep(self, tenant: str, job: JobId, files: Iterable[Path], *, work: Path) -> None:
        """Store files of the job's folder `work`, where every machine finds them."""
        prefix = prefix_of(tenant, job)
        for file in files:
            await self._objects.put(prefix.key(*file.relative_to(work).parts), file)

    async def bring_chunks(self, tenant: str, job: JobId, names: Sequence[str], *, work: Path) -> None:
        """Have here those of these chunks that some machine has made."""
        prefix = prefix_of(tenant, job)
        for name in names:
            target = work / CHUNKS / name
            if not await asyncio.to_thread(target.is_file):
                await self._bring(prefix.key(CHUNKS, name), target)

    async def bring_sound(self, tenant: str, job: JobId, *, work: Path) -> None:
        """Have the sound here, if some machine has encoded it."""
        prefix = prefix_of(tenant, job)
        listing = await self._objects.page(ObjectPrefix(prefix))
        keys = [one.key for one in listing.objects if one.key.removeprefix(prefix).startswith(_SOUND)]
        for name in {key.removeprefix(prefix).partition("/")[0] for key in keys}:
            if not await asyncio.to_thread((work / name).is_dir):
                await self._bring_folder(prefix, name, keys, work=work)

    async def remove(self, tenant: str, job: JobId) -> None:
        """Nobody needs the job's parts any more."""
        await self._objects.delete_prefix(prefix_of(tenant, job))

    async def _bring_folder(
        self, prefix: ObjectPrefix, name: str, keys: Sequence[ObjectKey], *, work: Path
    ) -> None:
        partial = work / f".{name}.{uuid.uuid4().hex}"
        try:
            for key in keys:
                folder, _, file = key.removeprefix(prefix).partition("/")
                if folder == name:
                    await self._bring(key, partial / file)
            await asyncio.to_thread(_put_in_place, partial, work / name)
        finally:
            await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)

    async def _bring(self, key: ObjectKey, target: Path) -> None:
        """Copy an object; one that is not there is made again by whoever needs it."""
        try:
            await self._objects.head(key)
        except ObjectMissing:
            return
        partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        try:
            with await asyncio.to_thread(partial.open, "wb") as file:
                async for piece in self._objects.stream(key):
                    await asyncio.to_thread(file.write, piece)
            await asyncio.to_thread(partial.rename, target)
        finally:
            await asyncio.to_thread(partial.unlink, missing_ok=True)


def prefix_of(tenant: str, job: JobId) -> ObjectPrefix:
    """Below which the parts of a job lie."""
    return ObjectPrefix.of(tenant, "checkpoints", job)


def _put_in_place(partial: Path, folder: Path) -> None:
    """The first of two who bring the same wins."""
    if not folder.is_dir():
        partial.rename(folder)
