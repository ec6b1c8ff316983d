import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from tests.system.split.commands import vitascope

from vitascope.foundation.testing.postgres import open_folder
from vitascope.runtime.settings import AddressInUse, HttpSettings, listen

_PATIENCE_SECONDS = 120


class Up:
    """A running `vitascope up`, to be maltreated."""

    def __init__(self, url: str, data: Path) -> None:
        self.url, self.data = url, data

    @property
    def parent(self) -> psutil.Process:
        """The supervisor."""
        ours = psutil.Process().children()
        return next(one for one in ours if str(self.data) in one.cmdline())

    def children(self) -> list[psutil.Process]:
        """Web and worker, in the order of their forks."""
        return sorted(self.parent.children(), key=lambda one: one.create_time())

    def postmaster(self) -> int:
        """The process of the database."""
        return int((self.data / "postgresql/cluster/postmaster.pid").read_text().split()[0])

    def ready(self) -> bool:
        """Whether it answers and everything that it needs answers too."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=10) as answer:  # noqa: S310 - our own
                return bool(json.load(answer)["status"] == "ok")
        except (OSError, urllib.error.URLError):
            return False


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something comes true within a time that suits a busy machine."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.1)
    return False


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """A platform that serves."""
    with open_folder() as folder:
        data = folder / "data"
        data.mkdir()
        with vitascope("up", data=data, settings={"VITASCOPE_HTTP_PORT": 0}) as url:
            platform = Up(url, data)
            assert eventually(platform.ready)
            yield platform


class TestKill:
    @pytest.mark.parametrize("place", [0, 1])
    def test_child_is_forked_anew(self, up: Up, place: int) -> None:
        """Whichever of web and worker is killed, another takes its place and everything answers."""
        before = {one.pid for one in up.children()}
        victim = up.children()[place].pid

        os.kill(victim, signal.SIGKILL)

        def replaced() -> bool:
            now = {one.pid for one in up.children() if _lives(one)}
            return len(now) == len(before) and victim not in now

        assert eventually(replaced)
        assert eventually(up.ready)

    def test_request_outlives_the_web_process(self, up: Up) -> None:
        """A request that comes while no web process is there is answered by the next one."""
        web = max(up.children(), key=lambda one: len(one.net_connections("inet")))
        web.suspend()
        waiting = socket.create_connection(
            ("127.0.0.1", int(up.url.rpartition(":")[2])), timeout=_PATIENCE_SECONDS
        )

        web.kill()
        waiting.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = waiting.recv(100)
        waiting.close()

        assert answer.startswith(b"HTTP/1.1 200")

    def test_database_is_started_again(self, up: Up) -> None:
        """A killed PostgreSQL is restarted and recovered, and everything answers again."""
        before = up.postmaster()

        os.kill(before, signal.SIGKILL)

        assert eventually(lambda: up.ready() and up.postmaster() != before)

    def test_killed_parent_leaves_no_child(self) -> None:
        """Children end with their parent, however it ended, and the next start goes on with the same data."""
        with open_folder() as folder:
            data = folder / "data"
            data.mkdir()
            with vitascope("up", data=data, settings={"VITASCOPE_HTTP_PORT": 0}) as url:
                first = Up(url, data)
                children = first.children()
                first.parent.kill()
                assert eventually(lambda: not any(_lives(one) for one in children))

            with vitascope("up", data=data, settings={"VITASCOPE_HTTP_PORT": 0}) as url:
                assert eventually(Up(url, data).ready)


class TestListen:
    def test_taken_port_is_told(self) -> None:
        """A port that somebody listens on is named, with what to do."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]

            with pytest.raises(AddressInUse, match=str(port)) as caught:
                listen(HttpSettings(port=port))

        assert caught.value.field == "VITASCOPE_HTTP_PORT"


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_wrong_setting_stops_the_start(tmp_path: Path) -> None:
    """A setting that cannot be is told by name, and nothing is started."""
    environment = {**os.environ, "VITASCOPE_HTTP_PROT": "1"}

    ended = subprocess.run(
        [sys.executable, "-m", "vitascope", "up", "--data", str(tmp_path / "data")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert "VITASCOPE_HTTP_PORT" in ended.stderr
    assert not (tmp_path / "data").exists()
