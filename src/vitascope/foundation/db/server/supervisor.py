"""`Server`: one PostgreSQL for all processes that work on one data folder."""

import contextlib
import fcntl
import logging
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO

from vitascope.foundation.db.server.account import Account, account_for
from vitascope.foundation.db.server.binaries import Binaries, copy_of, find_binaries
from vitascope.foundation.db.server.cluster import PORT, Cluster, major_of
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.db.server.errors import DatabaseNotStarted, FolderUnusable
from vitascope.foundation.db.server.passwords import read_or_make
from vitascope.foundation.db.server.postmaster import Postmaster

_log = logging.getLogger(__name__)
_SOCKET_BYTES = 85  # sun_path holds 107; the rest is for "/.s.PGSQL.5432.lock"
_PLAIN = re.compile(r"[\w/. -]+")  # a comma parts two hosts in a connection string
_WATCH_SECONDS = 0.2
_RETRY_SECONDS = 5.0


class Server:
    """PostgreSQL in a folder, started by the first who asks, shared by all, stopped by the last.

    Who uses it is known from shared file locks, which the kernel drops with their process: nothing to clean
    up after a kill -9. A server whose users were all killed goes on, and the next start attaches to it.
    `durable=False` (fsync off) is for tests alone: it survives a kill -9 too, but not a crash of
    the machine.
    """

    def __init__(
        self,
        *,
        folder: Path,
        binaries: Binaries | None = None,
        settings: Mapping[str, str] | None = None,
        durable: bool = True,
    ) -> None:
        self._folder = folder.resolve()
        self._binaries = binaries
        self._durable = durable
        unsafe = {} if durable else {"fsync": "off", "full_page_writes": "off"}
        self._settings = {**unsafe, **(settings or {})}
        self._use: IO[str] | None = None
        self._postmaster: Postmaster | None = None

    def start(self) -> Endpoint:
        """Start the server, or attach to the one that runs here. Raises DatabaseNotStarted.

        A first start makes the cluster (under a second); one after a crash includes its recovery.
        """
        self._make_folder()
        with self._alone():
            account = account_for(self._folder / "cluster")
            account.require_reach(self._folder)
            cluster = self._cluster(account)
            passwords = read_or_make(self._folder / "secrets.json", may_make=not cluster.exists())
            endpoint = Endpoint(host=str(self._sockets(account)), port=PORT, passwords=passwords)
            if not cluster.exists():
                cluster.create(password=passwords[Role.ADMIN], durable=self._durable)
            self._serve(cluster, endpoint)
            self._begin_use()
        return endpoint

    def stop(self) -> None:
        """Stop using the server; the last user's call stops it, cleanly."""
        if self._use is None or self._postmaster is None:
            return
        with self._alone():
            self._use.close()
            self._use = None
            with _open_lock(self._folder / "users.lock") as users, contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._postmaster.stop()
                self._forget_sockets()

    def alive(self) -> bool:
        """Tell whether its main process lives."""
        return self._postmaster is not None and self._postmaster.alive()

    def pid(self) -> int | None:
        """The number of its main process, while it lives."""
        return self._postmaster.pid() if self._postmaster and self.alive() else None

    def watch(self, *, stopping: threading.Event, restarted: Callable[[], None] | None = None) -> None:
        """Until `stopping` is set, start the server again whenever its main process has died.

        Blocks: give it a thread. Any number of processes may watch; one of them restarts.
        """
        pause = _WATCH_SECONDS
        while not stopping.wait(pause):
            pause = _WATCH_SECONDS
            if self.alive():
                continue
            try:
                self._restart()
            except (DatabaseNotStarted, OSError):
                _log.exception(
                    "PostgreSQL died and did not start again; trying again in %s s", _RETRY_SECONDS
                )
                pause = _RETRY_SECONDS
            else:
                _log.warning("PostgreSQL had died and serves again")
                if restarted:
                    restarted()

    def __enter__(self) -> Endpoint:
        """Start or attach."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop using it."""
        self.stop()

    def _make_folder(self) -> None:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        # Root's folder is passed through by the unprivileged account; its secrets are closed themselves.
        self._folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder's start lock: starting, restarting and stopping happen one at a time."""
        with _open_lock(self._folder / "start.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _cluster(self, account: Account) -> Cluster:
        folder = self._folder / "cluster"
        binaries = self._binaries or find_binaries(major=major_of(folder))
        if binaries.bundled and not account.can_reach(binaries.folder):
            binaries = copy_of(binaries, to=self._folder)
        account.require_reach(binaries.folder)
        if (written := major_of(folder)) not in {None, binaries.major}:
            raise FolderUnusable(
                f"{folder} was written by PostgreSQL {written} and cannot be served by {binaries.version}."
            )
        return Cluster(folder=folder, binaries=binaries, account=account)

    def _serve(self, cluster: Cluster, endpoint: Endpoint) -> None:
        self._postmaster = Postmaster(cluster=cluster, sockets=Path(endpoint.host))
        if not self._postmaster.wait_for_start():
            cluster.configure(sockets=Path(endpoint.host), extra=self._settings)
            self._postmaster.start()

    def _restart(self) -> None:
        with self._alone():
            if self._postmaster and not self._postmaster.wait_for_start():
                self._postmaster.start()

    def _begin_use(self) -> None:
        if self._use is None:
            self._use = _open_lock(self._folder / "users.lock")
            fcntl.flock(self._use, fcntl.LOCK_SH)

    def _sockets(self, account: Account) -> Path:
        """The folder of the socket: ours, or a private one with a short, plain name when ours has none."""
        here = self._folder / "socket"
        if len(os.fsencode(here)) <= _SOCKET_BYTES and _PLAIN.fullmatch(str(here)):
            account.make_folder(here)
            return here
        noted = self._folder / "socket-folder"
        with contextlib.suppress(FileNotFoundError):
            elsewhere = Path(noted.read_text())
            if elsewhere.stat().st_uid == account.uid:
                return elsewhere
        elsewhere = Path(tempfile.mkdtemp(prefix="vitascope-"))
        account.own(elsewhere)
        noted.write_text(str(elsewhere))
        return elsewhere

    def _forget_sockets(self) -> None:
        """Remove the socket folder outside ours, if there is one; the next start makes another."""
        noted = self._folder / "socket-folder"
        with contextlib.suppress(FileNotFoundError):
            Path(noted.read_text()).rmdir()
            noted.unlink()


def _open_lock(path: Path) -> IO[str]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
