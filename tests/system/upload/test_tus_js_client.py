"""The client that browsers use, unchanged, against our server over real HTTP."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.system.upload.server import KillableServer

from vitascope.foundation.context import Context
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.local import LocalObjects
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.video.upload.events import UploadCompleted

ROOT = Path(__file__).parents[3]
CLIENT = Path(__file__).with_name("client.cjs")
FILM = os.urandom(1_300_000)

pytestmark = pytest.mark.needs("node")


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the locked version of tus-js-client."""
    if (ROOT / "node_modules" / "tus-js-client").is_dir():
        return ROOT
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm")
    folder = tmp_path_factory.mktemp("modules")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / name, folder)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=folder, check=True, timeout=240)
    return folder


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A file to send."""
    path = tmp_path / "film.mp4"
    path.write_bytes(FILM)
    return path


class TusJsClient:
    """Runs the client in one of its modes."""

    def __init__(self, *, modules: Path, film: Path, server: KillableServer) -> None:
        self._modules, self._film, self._server = modules, film, server
        self.progress = Path(f"{film}.progress")

    async def run(self, mode: str) -> dict[str, Any]:
        """What the client says when it is done."""
        process = await asyncio.create_subprocess_exec(
            "node", CLIENT, mode, self._server.url, self._film, self._modules,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            output, errors = await asyncio.wait_for(process.communicate(), 180)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, errors.decode()
        said: dict[str, Any] = json.loads(output)
        return said


@pytest.fixture
def client(modules: Path, film: Path, server: KillableServer) -> TusJsClient:
    """The client, with a film to send."""
    return TusJsClient(modules=modules, film=film, server=server)


async def _arrived(
    platform: PlatformUnderTest, objects: LocalObjects, ctx: Context, said: dict[str, Any]
) -> UploadCompleted:
    """Check that the film is there as it was sent; the one event that tells of it."""
    await platform.pump()
    upload = said["url"].rpartition("/")[2]
    assert await objects.get(ObjectKey(f"{ctx.tenant}/uploads/{upload}/source")) == FILM
    (told,) = await platform.events(UploadCompleted)
    assert isinstance(told, UploadCompleted)
    return told


class TestTusJsClient:
    @pytest.mark.parametrize("mode", ["plain", "deferred", "parallel"])
    async def test_uploads(
        self,
        client: TusJsClient,
        server: KillableServer,
        platform: PlatformUnderTest,
        objects: LocalObjects,
        ctx: Context,
        mode: str,
    ) -> None:
        """A film is sent in one piece, of unknown length, or in three pieces beside each other."""
        await server.start()

        said = await client.run(mode)

        told = await _arrived(platform, objects, ctx, said)
        assert (told.filename, told.title) == ("übel.mp4", "A film")
        assert said["requests"].count("POST") == {"plain": 1, "deferred": 1, "parallel": 4}[mode]

    async def test_resumes(
        self,
        client: TusJsClient,
        server: KillableServer,
        platform: PlatformUnderTest,
        objects: LocalObjects,
        ctx: Context,
    ) -> None:
        """An upload that was broken off goes on where it was, in another client."""
        await server.start()

        said = await client.run("resume")

        await _arrived(platform, objects, ctx, said)
        assert said["resumed"] == 1
        assert said["requests"].count("HEAD") == 1
        assert said["requests"].count("POST") == 1

    async def test_outlives_the_server(
        self,
        client: TusJsClient,
        server: KillableServer,
        platform: PlatformUnderTest,
        objects: LocalObjects,
        ctx: Context,
    ) -> None:
        """The client goes on by itself when the server is killed and comes back."""
        await server.start()
        running = asyncio.create_task(client.run("slow"))
        while not running.done() and not client.progress.exists():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)

        server.kill()
        await server.start()
        said = await running

        await _arrived(platform, objects, ctx, said)
        assert said["resumed"] >= 1
        assert said["requests"].count("POST") == 1
