"""kill -9 of a process while it replaces an object."""

import asyncio
import multiprocessing
import random
import time
from multiprocessing.connection import Connection
from pathlib import Path

from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.local import LocalObjects

KEY = ObjectKey("tenant/film")
BYTES = 4 << 20
KILLS = 6
SPAWN = multiprocessing.get_context("spawn")


class _InPlace(LocalObjects):
    """The planted bug: it writes under the object's own name."""

    async def put(self, key: ObjectKey, body: object) -> None:  # type: ignore[override]  # a bug, not a backend
        assert isinstance(body, bytes)
        with self.local_path(key).open("wb", 0) as file:
            for start in range(0, len(body), 1 << 16):
                file.write(body[start : start + (1 << 16)])


def _replace_for_ever(folder: Path, *, kind: type[LocalObjects], line: Connection) -> None:
    async def replace() -> None:
        objects, version = kind(folder), 0
        while True:
            version += 1
            await objects.put(KEY, bytes([version % 256]) * BYTES)
            line.send(version)

    asyncio.run(replace())


def _torn_after_kills(folder: Path, *, kind: type[LocalObjects], seed: int) -> int:
    """How many of the kills left something else than one whole version, or an older one than was told."""
    chance, torn = random.Random(seed), 0
    for _ in range(KILLS):
        line, theirs = SPAWN.Pipe(duplex=False)
        arguments = {"kind": kind, "line": theirs}
        writer = SPAWN.Process(target=_replace_for_ever, args=(folder,), kwargs=arguments)
        writer.start()
        line.recv()
        time.sleep(chance.uniform(0, 0.05))
        writer.kill()
        writer.join()
        theirs.close()
        torn += not _whole(LocalObjects(folder).local_path(KEY).read_bytes(), told=_last(line))
    return torn


def _last(line: Connection) -> int:
    told = 1
    while line.poll():
        try:
            told = line.recv()
        except EOFError:
            break
    return told


def _whole(found: bytes, *, told: int) -> bool:
    return len(found) == BYTES and len(set(found)) == 1 and found[0] in {told % 256, (told + 1) % 256}


class TestKilledWriter:
    def test_leaves_a_whole_object(self, tmp_path: Path) -> None:
        """After kill -9 amid a write, the object is the last one acknowledged, or the one after it, whole."""
        torn = _torn_after_kills(tmp_path, kind=LocalObjects, seed=7)

        assert torn == 0

    def test_catches_writing_in_place(self, tmp_path: Path) -> None:
        """The same check finds the planted bug: a store that writes under the object's own name."""
        (tmp_path / "tenant").mkdir()

        torn = _torn_after_kills(tmp_path, kind=_InPlace, seed=7)

        assert torn > 0
