"""The server's processes: found by the folder they work in, never by a number in a file alone."""

import contextlib
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from vitascope.foundation.db.server.cluster import Cluster
from vitascope.foundation.db.server.errors import DatabaseNotStarted

START_SECONDS = 300
_ORPHAN_SECONDS = 1.0
_FAST_SECONDS = 20
_LOG_BYTES = 8 << 20
_TAIL = 2000


@dataclass(frozen=True, kw_only=True)
class Postmaster:
    """The server process of one cluster, which may be alive, dead, or dead with backends left behind."""

    cluster: Cluster
    sockets: Path

    @property
    def log(self) -> Path:
        """Where the server writes what it has to say; in the folder that holds the cluster."""
        return self.cluster.folder.with_name("postgresql.log")

    def alive(self) -> bool:
        """Tell whether the process that the pid file names is alive and serves this cluster.

        After a crash or in a container that number may belong to anything.
        """
        pid = self.pid()
        return pid is not None and self._works_here(pid)

    def pid(self) -> int | None:
        """What the pid file says; a stale file says it too."""
        try:
            return int(self._pid_file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def start(self) -> None:
        """Start it and wait until it answers; recovery after a crash is part of the wait.

        Raises DatabaseNotStarted with the end of its log.
        """
        self._end_orphans()
        self._remove_stale_files()
        self._prepare_log()
        began = self.log.stat().st_size
        done = self._pg_ctl("start", "-w", "-t", str(START_SECONDS), "-s", "-l", f"../{self.log.name}")
        if done:
            raise DatabaseNotStarted(f"PostgreSQL did not start: {done}\n{self._log_since(began)}")

    def stop(self) -> None:
        """Stop it: finish what runs, for a while; then at once, with recovery at the next start."""
        if not self.alive():
            return
        if self._pg_ctl("stop", "-w", "-t", str(_FAST_SECONDS), "-s", "-m", "fast"):
            self._pg_ctl("stop", "-w", "-t", str(_FAST_SECONDS), "-s", "-m", "immediate")

    def wait_for_start(self, *, seconds: float = START_SECONDS) -> bool:
        """Wait until a server that another process started is ready; False when it died instead."""
        end = time.monotonic() + seconds
        while self.alive() and time.monotonic() < end:
            if self._status() == "ready":
                return True
            time.sleep(0.05)
        return False

    @property
    def _pid_file(self) -> Path:
        return self.cluster.folder / "postmaster.pid"

    def _status(self) -> str:
        # The eighth line of postmaster.pid is "starting", "stopping", "ready" or "standby" (miscadmin.h).
        with contextlib.suppress(FileNotFoundError, IndexError):
            return self._pid_file.read_text().splitlines()[7].strip()
        return ""

    def _pg_ctl(self, verb: str, *options: str) -> str:
        """Run pg_ctl; give what it complained of, empty when all went well."""
        # Relative names: pg_ctl hands them to a shell, between double quotes at best.
        command = [self.cluster.binaries.program("pg_ctl"), verb, "--pgdata=.", *options]
        done = self.cluster.account.run(command, cwd=self.cluster.folder)
        return (done.stdout.strip() or f"pg_ctl ended with {done.returncode}") if done.returncode else ""

    def _end_orphans(self) -> None:
        """Wait for the backends of a killed postmaster; they hold its shared memory.

        Idle ones notice at once; one amid a long query gets SIGQUIT (its transaction is rolled back by
        recovery, exactly as after a crash of the machine), and SIGKILL if even that is not heard.
        """
        for number in (None, signal.SIGQUIT, signal.SIGKILL):
            end = time.monotonic() + _ORPHAN_SECONDS
            left = self._processes()
            for each in left if number else ():
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.send_signal(number or signal.SIGQUIT)
            while left and time.monotonic() < end:
                time.sleep(0.02)
                left = [each for each in left if self._works_here(each.pid)]
            if not left:
                return

    def _remove_stale_files(self) -> None:
        # They name the dead server's number, which a zombie or a stranger may hold: PostgreSQL would refuse.
        for stale in (self._pid_file, *self.sockets.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)

    def _processes(self) -> Sequence[psutil.Process]:
        return [each for each in psutil.process_iter() if self._works_here(each.pid)]

    def _works_here(self, pid: int) -> bool:
        # A server and its backends stay in the data directory; a zombie has no directory any more.
        try:
            process = psutil.Process(pid)
            return process.cwd() == str(self.cluster.folder) and process.name().startswith("postgres")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    def _prepare_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.rename(self.log.with_suffix(".log.1"))
        self.log.touch(mode=0o600)
        self.cluster.account.own(self.log)

    def _log_since(self, position: int) -> str:
        with self.log.open(errors="replace") as log:
            log.seek(position)
            return log.read()[-_TAIL:].strip()
