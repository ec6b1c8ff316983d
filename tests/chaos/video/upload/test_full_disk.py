"""A disk that fills up while bytes come in."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from vitascope.foundation.context import Context
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.storage.objects import Objects
from vitascope.identity.tenants.contracts import Quota, Tenant, Tenants
from vitascope.runtime.testing import KnownContexts, PlatformUnderTest
from vitascope.video.upload.service.settings import UploadSettings

FILM = os.urandom(600_000)
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


class Room:
    """A directory of tenants with room for everything: it is the disk that has none."""

    async def of_host(self, *, host: str) -> Tenant:
        """Nobody asks here."""
        raise NotImplementedError

    async def get(self, ctx: Context) -> Tenant:
        """Nobody asks here."""
        raise NotImplementedError

    async def quota(self, ctx: Context, *, quota: Quota) -> int:
        """Enough."""
        return 1 << 40


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes, most of it taken by a file `other`."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", tmp_path], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small disk")
    (tmp_path / "other").write_bytes(bytes(1_600_000))
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


@pytest.fixture
async def client(
    platform: PlatformUnderTest, known_contexts: KnownContexts, ctx: Context, small_disk: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose uploads lie on the small disk."""
    platform.container.put(Objects, LocalObjects(small_disk / "objects"))
    platform.container.put(Tenants, Room())
    platform.container.put(UploadSettings, UploadSettings(part_bytes=65_536))
    async with platform.client(token=known_contexts.token(ctx)) as client:
        client.headers.update(TUS)
        yield client


class TestFullDisk:
    async def test_can_be_resumed(
        self, client: httpx.AsyncClient, platform: PlatformUnderTest, ctx: Context, small_disk: Path
    ) -> None:
        """A full disk is told as such, what was safe stays, and with room again the upload goes on."""
        created = await client.post("/api/v1/uploads", headers={"Upload-Length": str(len(FILM))})
        url = created.headers["Location"]

        full = await client.patch(url, content=FILM, headers={"Upload-Offset": "0"})
        safe = int((await client.head(url)).headers["Upload-Offset"])
        (small_disk / "other").unlink()
        rest = await client.patch(url, content=FILM[safe:], headers={"Upload-Offset": str(safe)})
        await platform.pump()

        assert full.status_code == 507
        assert full.headers["content-type"] == "application/problem+json"
        assert 0 < safe < len(FILM)
        assert safe % 65_536 == 0
        assert rest.status_code == 204
        source = ObjectKey(f"{ctx.tenant}/uploads/{url.rpartition('/')[2]}/source")
        assert await platform.container.get(Objects).get(source) == FILM  # type: ignore[type-abstract]  # a port
