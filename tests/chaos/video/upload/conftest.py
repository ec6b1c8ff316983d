"""A server process for uploads that can be killed and started again on the same port."""

import asyncio
import os
import pickle
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import vitascope
from vitascope.foundation.context import Context
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.storage.objects import Objects
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.video.upload.service.settings import UploadSettings

SERVE = Path(__file__).parents[3] / "system" / "upload" / "serve.py"
SETTINGS = UploadSettings(part_bytes=65_536, flush_seconds=0.2, idle_seconds=1, lease_seconds=1.5)


class KillableServer:
    """Serves until `kill`, and again after `start`, on the same port."""

    def __init__(self, **told: Any) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._told = told
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where uploads are created."""
        return f"http://127.0.0.1:{self.port}/api/v1/uploads"

    async def start(self, *, forgetful: bool = False) -> None:
        """Start it and wait until it answers."""
        serving = runpy.run_path(str(SERVE))["Serving"]
        told = {**self._told, "port": self.port, "forgetful": forgetful}
        environment = {**os.environ, "PYTHONPATH": str(Path(vitascope.__file__).parents[1])}
        self._process = subprocess.Popen([sys.executable, str(SERVE)], stdin=subprocess.PIPE, env=environment)
        assert self._process.stdin is not None
        serving.__module__ = "__main__"  # as the process itself knows it
        sys.modules["__main__"].Serving = serving  # type: ignore[attr-defined]  # so that it can be pickled
        pickle.dump(serving(**told), self._process.stdin)
        self._process.stdin.close()
        await self._until_it_answers()

    async def _until_it_answers(self) -> None:
        async with httpx.AsyncClient() as client:
            for _ in range(200):
                try:
                    await client.options(self.url)
                except httpx.HTTPError:
                    await asyncio.sleep(0.05)
                else:
                    return
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        """Kill -9, if it runs."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture
def objects(platform: PlatformUnderTest, tmp_path: Path) -> LocalObjects:
    """The folder that the server and this process share."""
    store = LocalObjects(tmp_path / "objects")
    platform.container.put(Objects, store)
    return store


@pytest.fixture
def server(platform: PlatformUnderTest, ctx: Context, objects: LocalObjects) -> Iterator[KillableServer]:
    """A server that is not started yet; killed at the end."""
    server = KillableServer(endpoint=platform.endpoint, ctx=ctx, objects=objects._folder, settings=SETTINGS)
    yield server
    server.kill()
