"""A private Redis for tests: Debian's `redis-server` on a free loopback port, with nothing kept."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START_SECONDS = 60.0
_POLL_SECONDS = 0.02


class PrivateRedis:
    """A server that a test may kill and start again at the same address."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self._folder = program, folder
        self._port = free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        command = [
            self._program,
            "--port",
            str(self._port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(self._folder),
        ]
        command += ["--save", "", "--appendonly", "no", "--daemonize", "no"]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        _wait_until_up(self._server, self._port)

    def kill(self) -> None:
        """End it at once, as the kernel would (kill -9)."""
        if self._server is not None:
            self._server.kill()
            self._server.wait(timeout=_START_SECONDS)
            self._server = None


@contextmanager
def private_redis() -> Iterator[PrivateRedis]:
    """Run a server while the block runs. Raises FileNotFoundError if there is none on this machine."""
    program = shutil.which("redis-server")
    if program is None:
        raise FileNotFoundError("redis-server is not installed (Debian: apt-get install redis-server)")
    with tempfile.TemporaryDirectory(prefix="vitascope-redis-") as folder:
        server = PrivateRedis(program, Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.kill()


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(server: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"redis-server ended with code {server.returncode} at once")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(16).startswith(b"+PONG"):
                    return
        except OSError:
            time.sleep(_POLL_SECONDS)
    raise TimeoutError("redis-server did not answer in time")
