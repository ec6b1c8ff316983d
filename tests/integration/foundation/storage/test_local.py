import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitascope.foundation.errors import Conflict, Invalid
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.storage.objects import ObjectMissing, StorageFull
from vitascope.foundation.storage.opening import open_objects

KEY = ObjectKey("tenant/films/a.mp4")


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path: Path) -> Iterator[Path]:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount a disk small enough to fill")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


class TestFullDisk:
    async def test_says_so_and_leaves_nothing(self, small_disk: Path) -> None:
        """A full disk is told as such, nothing half-written stays, what was there is whole."""
        objects = LocalObjects(small_disk / "objects")
        await objects.put(KEY, b"old")
        before = _files(small_disk)

        with pytest.raises(StorageFull):
            await objects.put(KEY, b"x" * (2 << 20))

        assert _files(small_disk) == before
        assert await objects.get(KEY) == b"old"
        await objects.put(KEY, b"y" * (1 << 19))


class TestFolder:
    async def test_names_within_names(self, tmp_path: Path) -> None:
        """On a disk a name cannot be a file and a folder; the second is refused with words."""
        objects = LocalObjects(tmp_path)
        await objects.put(ObjectKey("tenant/a"), b"x")
        await objects.put(ObjectKey("tenant/b/c"), b"x")

        with pytest.raises(Conflict, match="one within the other"):
            await objects.put(ObjectKey("tenant/a/b"), b"x")
        with pytest.raises(Conflict, match="one within the other"):
            await objects.put(ObjectKey("tenant/b"), b"x")
        with pytest.raises(ObjectMissing):
            await objects.get(ObjectKey("tenant/a/b"))

    async def test_source_file_that_is_missing(self, tmp_path: Path) -> None:
        """A local file that is not there is the caller's mistake, and is not taken for a missing object."""
        with pytest.raises(FileNotFoundError):
            await LocalObjects(tmp_path).put(KEY, tmp_path / "nothing")

    async def test_empty_folders_go(self, tmp_path: Path) -> None:
        """Deleting the last object of a folder leaves no empty folders."""
        objects = LocalObjects(tmp_path)
        await objects.put(KEY, b"x")

        await objects.delete(KEY)

        assert not (tmp_path / "tenant").exists()

    async def test_sweeps_what_was_abandoned(self, tmp_path: Path) -> None:
        """What a killed process left half-written is removed a day later, and what is younger is not."""
        partial = tmp_path / ".partial"
        partial.mkdir()
        (partial / "young").touch()
        (partial / "old").touch()
        os.utime(partial / "old", (0, time.time() - 100_000))

        LocalObjects(tmp_path)

        assert [path.name for path in partial.iterdir()] == ["young"]


class TestOpenObjects:
    def test_local(self, tmp_path: Path) -> None:
        """A file URL with escapes names the folder."""
        objects = open_objects(f"file://{tmp_path}/my%20objects")

        assert objects.local_path(KEY) == tmp_path / "my objects" / KEY

    @pytest.mark.parametrize(
        "url",
        ["", "file:///", "file://host/share", "/data", "s3:///x", "s3://bucket?endpont=http://x", "gs://b"],
    )
    def test_refuses(self, url: str) -> None:
        """What names no store is refused, naming the field."""
        with pytest.raises(Invalid) as caught:
            open_objects(url)

        assert caught.value.field == "url"
