"""Run one program in the sandbox and account for it."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol, Self

from msgspec import Struct

from vitascope.foundation.errors import DeadlineExceeded
from vitascope.transcoding.pipeline.contracts import ProgramFailed, ProgramMissing, TranscodeCancelled

_LAUNCHER = Path(__file__).with_name("launcher.py")
_PROBE = [sys.executable, "-I", "-S", "-c", "pass"]
# Where the loader finds shared libraries, and the two devices that programs expect.
_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/dev/null", "/dev/urandom")
_KEPT_OUTPUT = 8 << 20
_KEPT_ERRORS = 64 << 10
_MOST_SECRET = 64 << 10  # what a pipe holds while nobody reads it yet
_CANCEL_POLL = 0.1  # seconds: how late a cancellation may be seen
_MIB = 1 << 20
# SVT_LOG: SVT-AV1 tells its life on standard error unless it is asked for errors only.
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "SVT_LOG": "1"}


class Cancellation(Protocol):
    """Whether somebody wants it to stop; a `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether to stop now."""


class _Never:
    def is_set(self) -> bool:
        return False


NEVER: Cancellation = _Never()


class Bounds(Struct, frozen=True, kw_only=True):
    """What one program may use: seconds of CPU and of wall time, bytes of memory and of one file."""

    cpu: int = 60
    wall: float = 120.0
    memory: int = (4096 + 256 * (os.cpu_count() or 1)) * _MIB
    file: int = 64 << 30


class Command(Struct, frozen=True, kw_only=True):
    """A program, its arguments, and the only files and folders that it may read and write.

    It runs in `folder`, by default the root, where it may write nothing. `secret` is what it reads from
    its standard input, at most 64 KiB: unlike an argument, nobody else on the machine can see it.
    """

    program: Path
    arguments: tuple[str, ...]
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    folder: Path | None = None
    secret: bytes = b""

    def __repr__(self) -> str:
        return f"Command({self.program.name}, {self.arguments})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("program", self.program), ("arguments", self.arguments)]


class Finished(Struct, frozen=True, kw_only=True):
    """How a program ended: exit code (negative: the signal), output, and seconds used.

    `isolation` names each part of the sandbox with None if it held, else why it did not.
    """

    code: int
    output: bytes
    errors: str
    wall: float
    cpu: float
    isolation: dict[str, str | None]

    @property
    def ended_by(self) -> str | None:
        """The resource limit that ended the program, in words."""
        return {
            -signal.SIGXCPU: "it used all the CPU time it was given",
            -signal.SIGKILL: "it was killed, perhaps for want of memory",
            -signal.SIGXFSZ: "it wrote a larger file than it was allowed to",
        }.get(self.code)


def run(
    command: Command,
    *,
    bounds: Bounds,
    cancel: Cancellation = NEVER,
    on_output: Callable[[bytes], None] | None = None,
) -> Finished:
    """Run a program to its end, whatever its exit code.

    `on_output` gets standard output as it comes (it is then not kept). Raises TranscodeCancelled
    within a tenth of a second or so of a cancellation, DeadlineExceeded after `bounds.wall`, and
    ProgramMissing if it cannot be started; in each case the whole process group is dead.
    """
    started = time.monotonic()
    with _Process(command, bounds) as process:
        process.follow(until=started + bounds.wall, cancel=cancel, on_output=on_output)
        return process.finished(time.monotonic() - started)


def isolation() -> dict[str, str | None]:
    """Each part of the sandbox on this machine: None if it holds, else why it does not."""
    program = Path(sys.executable).resolve()
    roots = tuple({Path(sys.base_prefix), Path(sys.prefix), program.parent, Path("/usr")})
    command = Command(program=program, arguments=tuple(_PROBE[1:]), readable=roots)
    return run(command, bounds=Bounds(cpu=10, wall=30)).isolation


class _Process:
    """A started program whose group dies when the block is left."""

    def __init__(self, command: Command, bounds: Bounds) -> None:
        self._reader, status = os.pipe()
        self._name = command.program.name
        try:
            self._child = self._start(command, bounds, status)
        except OSError as problem:
            os.close(self._reader)
            raise ProgramMissing(f"{self._name} could not be started: {problem.strerror}.") from problem
        finally:
            os.close(status)
        self._kept = {"output": bytearray(), "errors": bytearray(), "status": bytearray()}
        self._usage: Any = None

    def _start(self, command: Command, bounds: Bounds, status: int) -> subprocess.Popen[bytes]:
        text = json.dumps(_specification(command, bounds))
        given = _readable(command.secret)
        try:
            return self._launch(command, text, status=status, given=given)
        finally:
            os.close(given)

    def _launch(self, command: Command, text: str, *, status: int, given: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LAUNCHER), str(status), text],
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(status,),
            # Nothing of our environment, which may hold secrets, goes along.
            env=_ENVIRONMENT,
            start_new_session=True,
            cwd=command.folder or "/",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._usage is None:
            self._kill()
            self._reap()
        for stream in self._streams():
            stream.close()

    def _streams(self) -> list[IO[bytes]]:
        return [stream for stream in (self._child.stdout, self._child.stderr) if stream]

    def _kill(self) -> None:
        try:
            os.killpg(self._child.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _reap(self) -> None:
        # wait4 instead of Popen.wait: it alone tells the CPU seconds of this one child.
        _, code, self._usage = os.wait4(self._child.pid, 0)
        self._child.returncode = os.waitstatus_to_exitcode(code)

    def follow(
        self, *, until: float, cancel: Cancellation, on_output: Callable[[bytes], None] | None
    ) -> None:
        """Read all that the program says until it ends, is cancelled, or its time is over."""
        with selectors.DefaultSelector() as selector, os.fdopen(self._reader, "rb") as status:
            channels = dict(zip(("output", "errors"), self._streams(), strict=True)) | {"status": status}
            for name, stream in channels.items():
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ, name)
            while selector.get_map():
                self._check(until, cancel)
                for key, _ in selector.select(_CANCEL_POLL):
                    if not self._take(key, on_output):
                        selector.unregister(key.fileobj)
        self._reap()

    def _check(self, until: float, cancel: Cancellation) -> None:
        if cancel.is_set():
            raise TranscodeCancelled
        if time.monotonic() > until:
            raise DeadlineExceeded(f"{self._name} was stopped: it took longer than it is allowed to.")

    def _take(self, key: selectors.SelectorKey, on_output: Callable[[bytes], None] | None) -> bool:
        data = os.read(key.fd, 1 << 16)
        if key.data == "output" and on_output is not None:
            if data:
                on_output(data)
            return bool(data)
        kept = self._kept[key.data]
        kept += data
        if key.data == "output" and len(kept) > _KEPT_OUTPUT:
            raise ProgramFailed(f"{self._name} printed more than is sensible; it was stopped.")
        if key.data == "errors":
            # Its beginning says what went wrong, its end how it ended.
            del kept[_KEPT_ERRORS // 2 : -_KEPT_ERRORS // 2]
        return bool(data)

    def finished(self, wall: float) -> Finished:
        """The account of the ended program."""
        report: dict[str, Any] = {}
        for line in self._kept["status"].splitlines():
            report |= json.loads(line)
        if "problem" in report:
            raise ProgramMissing(f"{self._name} could not be started: {report['problem']}")
        return Finished(
            code=self._child.returncode,
            output=bytes(self._kept["output"]),
            errors=self._kept["errors"].decode(errors="replace"),
            wall=wall,
            cpu=self._usage.ru_utime + self._usage.ru_stime,
            isolation=report.get("isolation", {}),
        )


def _readable(secret: bytes) -> int:
    """The end of a pipe that already holds all of it; of nothing, the null device."""
    if not secret:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    if len(secret) > _MOST_SECRET:
        raise ValueError(f"a program is told at most {_MOST_SECRET} bytes in secret")
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(secret)
    return reader


def _specification(command: Command, bounds: Bounds) -> dict[str, Any]:
    readable = [*_SYSTEM, str(command.program), *map(str, command.readable)]
    return {
        "argv": [str(command.program), *command.arguments],
        "parent": os.getpid(),
        "readable": readable,
        "writable": ["/dev/null", *map(str, command.writable)],
        "limits": {
            "CPU": bounds.cpu,
            "DATA": bounds.memory,
            "FSIZE": bounds.file,
            "CORE": 0,
            "NOFILE": 4096,
        },
    }
