"""The API: authenticated JSON GETs with one query, per second of one core.

The platform runs as `vitascope up` starts it. A few keep-alive connections ask for one title, signed
in; what counts is the CPU time of the process that answers, so that neighbours on the machine, the
client and PostgreSQL do not.
"""

import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import psutil
from benchmarks.figure import Figure, Target, medians

from vitascope.runtime.demo.account import demo_account
from vitascope.runtime.registry import MODULES
from vitascope.runtime.settings import overruled, read_settings

REQUESTS = 500  # over each connection
CONNECTIONS = 8
RUNS = 9
_SECONDS = 60.0


def figures() -> Iterator[Figure]:
    """`api.get`."""
    with tempfile.TemporaryDirectory(prefix="vitascope-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # root's PostgreSQL runs as another account, which must be able to enter
        with _up(folder / "data") as (url, process):
            yield _measured(url, process, folder / "data")


def _measured(url: str, process: psutil.Process, data: Path) -> Figure:
    account = demo_account(overruled(read_settings(MODULES), data=data, host=None, port=None))
    credentials = {"email": account.email, "password": account.password}
    with httpx.Client(base_url=url, timeout=_SECONDS) as client:
        tokens = client.post("/api/v1/auth/sign-in", json=credentials).raise_for_status().json()
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        asked = _Asked(urlsplit(url).port or 80, f"/api/v1/titles/{_title(client)}", tokens["access_token"])
    web = _busiest(process.children(recursive=True), partial(_ask_at_once, asked))
    (value,) = medians(partial(_requests_per_cpu_second, web, asked), runs=RUNS)
    return Figure(
        name="api.get",
        value=value,
        unit="requests per CPU second of the web process",
        target=Target("value", ">=", 1500),
    )


class _Asked(NamedTuple):
    """What is asked for, and where."""

    port: int
    path: str
    token: str


def _requests_per_cpu_second(web: psutil.Process, asked: _Asked) -> float:
    before = _cpu_seconds(web)
    _ask_at_once(asked)
    return CONNECTIONS * REQUESTS / (_cpu_seconds(web) - before)


def _ask_at_once(asked: _Asked) -> None:
    clients = [threading.Thread(target=_ask_often, args=(asked,)) for _ in range(CONNECTIONS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


def _ask_often(asked: _Asked) -> None:
    port, path, token = asked
    request = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(REQUESTS):
            connection.sendall(request)
            _take_answer(connection)


def _take_answer(connection: socket.socket) -> None:
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = re.search(rb"(?i)content-length: (\d+)", head)
    assert length is not None
    left = int(length[1]) - len(body)
    while left:
        left -= len(connection.recv(left))


def _cpu_seconds(process: psutil.Process) -> float:
    """What its threads have run, which the kernel counts in nanoseconds."""
    counts = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(count.read_text().split()[0]) for count in counts) / 1e9


def _busiest(processes: list[psutil.Process], work: Callable[[], None]) -> psutil.Process:
    """The one that this work keeps busy."""
    before = {process: _cpu_seconds(process) for process in processes}
    work()
    return max(processes, key=lambda process: _cpu_seconds(process) - before[process])


def _title(client: httpx.Client) -> str:
    """A title as it comes of an upload: its film need not play to be shown to its owner."""
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "10",
        "Upload-Metadata": "filename ZmlsbS5tcDQ=",
        "Content-Type": "application/offset+octet-stream",
    }
    client.post("/api/v1/uploads", content=b"not a film", headers=headers).raise_for_status()
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        for title in client.get("/api/v1/titles/mine").json()["items"]:
            if title["state"] != "processing":
                return str(title["id"])  # from now on the worker is idle
        time.sleep(0.2)
    raise TimeoutError("the upload has not become a title")


@contextmanager
def _up(data: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The platform's address and its first process, while it runs."""
    command = [sys.executable, "-m", "vitascope", "up", "--data", str(data), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            line = process.stdout.readline() if process.stdout else b""
            yield str(json.loads(line)["url"]), psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(_SECONDS)
