"""A server process for uploads that can be killed and started again on the same port."""

import asyncio
import os
import pickle
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil

import vitascope

SERVE = Path(__file__).with_name("serve.py")
_START_SECONDS = 120


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
        self._process = _started({**self._told, "port": self.port, "forgetful": forgetful})
        await self._until_it_answers()

    async def _until_it_answers(self) -> None:
        async with httpx.AsyncClient() as client:
            async with asyncio.timeout(_START_SECONDS):
                while not await _answers(client, self.url):  # noqa: ASYNC110 - another process starts
                    await asyncio.sleep(0.05)

    @property
    def resident_bytes(self) -> int:
        """How much memory it holds."""
        assert self._process is not None
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def kill(self) -> None:
        """Kill -9, if it runs."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        await client.options(url)
    except httpx.HTTPError:
        return False
    return True


def _started(told: dict[str, Any]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(vitascope.__file__).parents[1])}
    process = subprocess.Popen([sys.executable, str(SERVE)], stdin=subprocess.PIPE, env=environment)
    assert process.stdin is not None
    pickle.dump(told, process.stdin)
    process.stdin.close()
    return process
