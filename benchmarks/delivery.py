"""Delivery: segments per CPU second of the server that sends them, against plain nginx on the same files.

Every server runs as a process of its own; the same client takes whole segments from each over a few
keep-alive connections, in turns, and the server's CPU time (user and system, children included) is
read before and after.
"""

import asyncio
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psutil
from benchmarks.figure import Figure, Target, medians

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.secrets import Secrets
from vitascope.foundation.storage.keys import ObjectPrefix
from vitascope.foundation.storage.local import LocalObjects
from vitascope.video.catalog.contracts import TitleId
from vitascope.video.streaming.contracts import PlaybackId
from vitascope.video.streaming.service.delivery.library import Library
from vitascope.video.streaming.service.delivery.nginx import Site, configuration
from vitascope.video.streaming.service.delivery.server import MediaServer
from vitascope.video.streaming.service.settings import StreamingSettings
from vitascope.video.streaming.service.tokens import Tokens

SEGMENT_BYTES = 690_000
SEGMENTS = 24
ROUNDS = 4  # of all segments, over each connection: short, and taken often in turns
RUNS = 31
CONNECTIONS = 4
PREFIX = ObjectPrefix("tenant/renditions/job/")


def figures() -> Iterator[Figure]:
    """`delivery.own` and `delivery.nginx`."""
    with tempfile.TemporaryDirectory(prefix="vitascope-delivery-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's worker reads as another user
        yield from _measured(folder)


def _measured(folder: Path) -> Iterator[Figure]:
    objects = folder / "objects"
    (objects / PREFIX / "video").mkdir(parents=True)
    names = [f"video/{number:05}.m4s" for number in range(SEGMENTS)]
    for name in names:
        (objects / PREFIX / name).write_bytes(os.urandom(SEGMENT_BYTES))
    token = _tokens(folder).sign(
        playback=RandomIds().new(PlaybackId),
        title=RandomIds().new(TitleId),
        prefix=PREFIX,
        until=datetime.now(UTC) + timedelta(hours=1),
    )
    with (
        _own(folder) as own,
        _nginx(folder / "plain", _plain(objects, _free_port())) as plain,
        _nginx(folder / "generated", _generated(folder, objects, _free_port())) as generated,
    ):
        servers = {
            own: [f"/media/{token}/{name}" for name in names],
            plain: [f"/plain/{name}" for name in names],
            generated: [f"/media/{token}/{name}" for name in names],
        }
        works = [partial(_segments_per_cpu_second, server, paths) for server, paths in servers.items()]
        for work in works:
            work()  # opens caches
        ours, nginx, made = medians(*works, runs=RUNS)
    versions = {"nginx": _nginx_version()}
    yield Figure(
        name="delivery.own",
        value=ours,
        unit="segments of 0.69 MB per CPU second",
        against="nginx, sendfile, no authorisation",
        against_value=nginx,
        target=Target("ratio", ">=", 0.4),
        versions=versions,
    )
    yield Figure(
        name="delivery.nginx",
        value=made,
        unit="segments of 0.69 MB per CPU second",
        against="nginx, sendfile, no authorisation",
        against_value=nginx,
        target=Target("ratio", ">=", 0.95),
        versions=versions,
    )


class _Server:
    """A process that answers on a port."""

    def __init__(self, process: psutil.Process, port: int) -> None:
        self.process, self.port = process, port

    def cpu_seconds(self) -> float:
        """What all threads of it and its children have run, which the kernel counts in nanoseconds."""
        everybody = [self.process, *self.process.children(recursive=True)]
        counts = [text for one in everybody for text in Path(f"/proc/{one.pid}/task").glob("*/schedstat")]
        return sum(int(count.read_text().split()[0]) for count in counts) / 1e9


def _segments_per_cpu_second(server: _Server, paths: Sequence[str]) -> float:
    before = server.cpu_seconds()
    players = [threading.Thread(target=_play, args=(server.port, paths)) for _ in range(CONNECTIONS)]
    for player in players:
        player.start()
    for player in players:
        player.join()
    used = server.cpu_seconds() - before
    return CONNECTIONS * ROUNDS * len(paths) / used


def _play(port: int, paths: Sequence[str]) -> None:
    """Take all segments, whole, and throw them away in the kernel (MSG_TRUNC)."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for path in list(paths) * ROUNDS:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: media\r\nUser-Agent: bench\r\n\r\n".encode())
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            head, _, body = head.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = re.search(rb"(?i)content-length: (\d+)", head)
            assert length is not None
            left = int(length[1]) - len(body)
            while left:
                left -= len(connection.recv(min(left, 1 << 18), socket.MSG_TRUNC))


def _tokens(folder: Path) -> Tokens:
    return Tokens(
        secrets=Secrets.in_folder(folder / "secrets"),
        clock=SystemClock(),
        settings=StreamingSettings(edge=True),
    )


@contextlib.contextmanager
def _own(folder: Path) -> Iterator[_Server]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.delivery", str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield _Server(psutil.Process(process.pid), int(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait()


async def _serve(folder: Path) -> None:
    library = Library(tokens=_tokens(folder), objects=LocalObjects(folder / "objects"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        await MediaServer(library=library, settings=StreamingSettings()).serve(listening)


@contextlib.contextmanager
def _nginx(folder: Path, site: tuple[int, str]) -> Iterator[_Server]:
    """A private nginx: one worker, all of its files in the folder."""
    port, text = site
    folder.mkdir()
    main = folder / "nginx.conf"
    temporary = "".join(
        f"    {kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main.write_text(
        f"worker_processes 1;\npcre_jit on;\npid {folder}/pid;\nerror_log stderr warn;\ndaemon off;\n"
        f"events {{}}\nhttp {{\n    access_log off;\n    keepalive_requests 1000000;\n{temporary}{text}\n}}\n"
    )
    process = subprocess.Popen(
        [_nginx_program(), "-p", str(folder), "-c", str(main)], stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        yield _Server(psutil.Process(process.pid), port)
    finally:
        process.terminate()
        process.wait()


def _plain(objects: Path, port: int) -> tuple[int, str]:
    text = (
        f"server {{ listen 127.0.0.1:{port}; sendfile on; sendfile_max_chunk 2m; tcp_nopush on;"
        " open_file_cache max=10000 inactive=60s; open_file_cache_valid 30s;"
        f" types {{ video/iso.segment m4s; }} location /plain/ {{ alias {objects}/{PREFIX}; }} }}"
    )
    return port, text


def _generated(folder: Path, objects: Path, port: int) -> tuple[int, str]:
    key = _tokens(folder).edge_key
    return port, configuration(Site(listen=f"127.0.0.1:{port}", objects=objects, key=key))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def _nginx_program() -> str:
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise FileNotFoundError("nginx is missing; on Debian: apt-get install nginx-light")
    return found


def _nginx_version() -> str:
    told = subprocess.run([_nginx_program(), "-v"], capture_output=True, text=True, check=True).stderr
    return told.strip().rpartition("/")[2]


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
