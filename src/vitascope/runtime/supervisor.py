"""`vitascope up`: starts the database and the processes, restarts what dies, stops it all in order.

The processes are forked from one that has loaded all code, so they start at once and share its
memory. The parent runs no threads and no event loop, which is what makes forking safe.
"""

import ctypes
import gc
import os
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

_POLL_SECONDS = 0.1
_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 15.0
_QUICK_SECONDS = 5.0
_MAX_PAUSE_SECONDS = 10.0

_log = structlog.get_logger(__name__)


@dataclass
class Child:
    """A process that is kept alive: `run` is what it does until it gets SIGTERM."""

    name: str
    run: Callable[[], None]
    pid: int = 0
    started: float = 0.0
    failures: int = 0
    due: float = field(default=0.0)

    def fork(self) -> None:
        """Start the process."""
        self.started = time.monotonic()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _become(self.run, parent)

    def died(self) -> None:
        """Plan the restart: at once the first time, with growing pauses if it keeps dying early."""
        lived = time.monotonic() - self.started
        self.failures = self.failures + 1 if lived < _QUICK_SECONDS else 0
        self.due = time.monotonic() + min(_MAX_PAUSE_SECONDS, 0.1 * 4 ** max(self.failures - 1, 0))
        self.pid = 0


class Supervisor:
    """Keeps children alive until SIGTERM or SIGINT; `check` is asked at every turn (the database)."""

    def __init__(self, children: list[Child], *, check: Callable[[], None]) -> None:
        self._children, self._check = children, check
        self._stopping = False

    def run(self) -> None:
        """Start all, watch, and at the end stop all; returns when nothing of ours runs any more."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        gc.freeze()  # the children share these pages as long as no collection touches them
        try:
            while not self._stopping:
                self._turn()
                time.sleep(_POLL_SECONDS)
        finally:
            self._end()

    def _turn(self) -> None:
        self._reap()
        self._check()
        now = time.monotonic()
        for child in self._children:
            if child.pid == 0 and child.due <= now:
                child.fork()

    def _reap(self) -> None:
        for child in self._children:
            if child.pid and (status := _ended(child.pid)) is not None:
                _log.warning("a process died and is started again", process=child.name, status=status)
                child.died()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _end(self) -> None:
        """Ask all to end, then insist."""
        alive = [child for child in self._children if child.pid]
        _tell(alive, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        while alive and time.monotonic() < deadline:
            alive = [child for child in alive if _ended(child.pid) is None]
            time.sleep(0.02)
        _tell(alive, signal.SIGKILL)
        for child in alive:
            os.waitpid(child.pid, 0)


def _become(run: Callable[[], None], parent: int) -> None:
    """In the child: do the work, and never return into the parent's code."""
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)  # Ctrl-C reaches the parent alone, which stops us in order
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # no parent, no children
        if os.getppid() == parent:  # else it died before the kernel was asked to tell
            run()
        code = 0
    except KeyboardInterrupt:
        code = 0
    except BaseException:  # noqa: BLE001 - the last frame of the process: tell, then end
        traceback.print_exc()
    finally:
        os._exit(code)


def _ended(pid: int) -> int | None:
    """The exit status of a child that has ended, else None."""
    with suppress(ChildProcessError):
        found, status = os.waitpid(pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if found else None
    return 0


def _tell(children: list[Child], number: signal.Signals) -> None:
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child.pid, number)
