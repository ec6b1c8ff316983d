from pathlib import Path

import pytest

from vitascope.foundation.storage.keys import ObjectKey, ObjectPrefix
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.storage.objects import Body, StorageFull, Stored
from vitascope.transcoding.jobs.adapters.shipping import files_of, ship

_NAMES = ("video/360p/00001.m4s", "manifest.mpd", "master.m3u8", "audio/0/init.mp4")


class _Noted(LocalObjects):
    """Notes in which order objects were stored; `full` refuses one."""

    def __init__(self, folder: Path, *, full: str | None = None) -> None:
        super().__init__(folder)
        self.order: list[str] = []
        self._full = full

    async def put(self, key: ObjectKey, body: Body) -> Stored:
        if self._full and key.endswith(self._full):
            raise StorageFull
        stored = await super().put(key, body)
        self.order.append(key)
        return stored


@pytest.fixture(name="files")
def _files(tmp_path: Path) -> dict[str, Path]:
    for name in _NAMES:
        file = tmp_path / "packaged" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    drawn = tmp_path / "drawn"
    drawn.mkdir()
    (drawn / "poster.jpg").write_text("poster")
    return files_of(tmp_path / "packaged", drawn)


async def _ship(objects: LocalObjects, files: dict[str, Path]) -> list[float]:
    heard: list[float] = []
    await ship(objects, files, to=ObjectPrefix("t/renditions/j/"), at_once=2, progress=heard.append)
    return heard


class TestShip:
    async def test_manifests_come_last(self, files: dict[str, Path], tmp_path: Path) -> None:
        """Whoever finds a manifest finds all that it names."""
        objects = _Noted(tmp_path / "objects")

        heard = await _ship(objects, files)

        assert objects.order[-2:] == ["t/renditions/j/manifest.mpd", "t/renditions/j/master.m3u8"]
        assert set(objects.order) == {f"t/renditions/j/{name}" for name in (*_NAMES, "pictures/poster.jpg")}
        assert heard == sorted(heard)
        assert heard[-1] == 1

    async def test_failure_is_told_as_itself(self, files: dict[str, Path], tmp_path: Path) -> None:
        """When one file cannot be stored, its error is raised and no manifest is written."""
        objects = _Noted(tmp_path / "objects", full="init.mp4")

        with pytest.raises(StorageFull):
            await _ship(objects, files)

        assert not any(one.endswith((".mpd", ".m3u8")) for one in objects.order)
