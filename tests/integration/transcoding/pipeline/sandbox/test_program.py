import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.integration.transcoding.pipeline.corpus import TOOLS, Corpus, playlist

from vitascope.foundation.errors import DeadlineExceeded
from vitascope.transcoding.pipeline.contracts import NotMedia, ProgramMissing, TranscodeCancelled
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command, Finished, isolation, run
from vitascope.transcoding.pipeline.workbench import Workbench

BOUNDS = Bounds(cpu=10, wall=20)
PYTHON = Path(sys.executable).resolve()
LIBRARIES = (Path("/usr"), Path(sys.base_prefix), Path(sys.prefix))


def python(code: str, *, writable: tuple[Path, ...] = (), bounds: Bounds = BOUNDS) -> Finished:
    """Run a line of Python in the sandbox."""
    command = Command(program=PYTHON, arguments=("-c", code), readable=LIBRARIES, writable=writable)
    return run(command, bounds=bounds)


@pytest.fixture
def canary() -> Iterator[tuple[int, list[str]]]:
    """A listening socket and the list of those that it heard."""
    heard: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, address = server.accept()
                except OSError:
                    return
                heard.append(str(address))
                connection.close()

        listener = threading.Thread(target=listen)
        listener.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
        listener.join()


class TestCanary:
    def test_stays_silent(self, bench: Workbench, tmp_path: Path, canary: tuple[int, list[str]]) -> None:
        """An HLS playlist named as a film is refused, and nobody connects to the address in it."""
        port, heard = canary
        film = playlist(tmp_path / "film.mp4", port=port)

        with pytest.raises(NotMedia, match="HLS playlist"):
            Pipeline(bench).transcode(film, out=tmp_path / "set")

        assert heard == []

    def test_hears_a_planted_bug(self, tmp_path: Path, canary: tuple[int, list[str]]) -> None:
        """Without sniffing, whitelist and sandbox the same file does connect: the canary is alive."""
        port, heard = canary
        film = playlist(tmp_path / "film.mp4", port=port)

        subprocess.run([TOOLS.ffmpeg, *_open_wide(film)], capture_output=True, check=False, timeout=30)

        assert heard

    def test_sandbox_alone(self, tmp_path: Path, canary: tuple[int, list[str]]) -> None:
        """Even if sniffing and whitelist failed, the sandbox alone would keep the canary silent."""
        port, heard = canary
        film = playlist(tmp_path / "film.mp4", port=port)
        command = Command(program=TOOLS.ffmpeg, arguments=tuple(_open_wide(film)), readable=(film,))

        finished = run(command, bounds=BOUNDS)

        assert finished.code != 0
        assert heard == []


def _open_wide(film: Path) -> list[str]:
    careless = ("-protocol_whitelist", "file,http,tcp", "-allowed_extensions", "ALL", "-f", "hls")
    return ["-nostdin", *careless, "-i", str(film), "-f", "null", "-"]


class TestIsolation:
    def test_told(self) -> None:
        """Each part of the sandbox is told, with the reason where the kernel does not offer it."""
        parts = isolation()

        assert set(parts) == {"network namespace", "no new privileges", "file whitelist", "no sockets"}
        assert parts["no new privileges"] is None

    def test_no_socket(self) -> None:
        """A program cannot open a socket."""
        finished = python("import socket; socket.socket()")

        assert finished.code == 1
        assert "PermissionError" in finished.errors

    def test_reads_only_what_is_listed(self, tmp_path: Path) -> None:
        """A program cannot read a file that is not on its list."""
        secret = tmp_path / "secret"
        secret.write_text("token", encoding="ascii")

        finished = python(f"print(open({str(secret)!r}).read())")

        assert isolation()["file whitelist"] is not None or b"token" not in finished.output

    def test_input_is_read_only(self, tmp_path: Path) -> None:
        """A program cannot write to a file that it may read."""
        film = tmp_path / "film"
        film.write_text("precious", encoding="ascii")
        code = f"open({str(film)!r}, 'w')"

        run(Command(program=PYTHON, arguments=("-c", code), readable=(*LIBRARIES, film)), bounds=BOUNDS)

        assert isolation()["file whitelist"] is not None or film.read_text(encoding="ascii") == "precious"

    def test_writes_where_it_may(self, tmp_path: Path) -> None:
        """A program writes in the folders on its list."""
        finished = python(f"open({str(tmp_path / 'made')!r}, 'w')", writable=(tmp_path,))

        assert finished.code == 0
        assert (tmp_path / "made").exists()

    def test_no_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing of our environment reaches a program: it may hold secrets."""
        monkeypatch.setenv("VITASCOPE_SECRET", "hunter2")

        finished = python("import os; print(sorted(os.environ))")

        assert b"VITASCOPE_SECRET" not in finished.output


class TestBounds:
    def test_cpu(self) -> None:
        """A program that computes for too long is ended, and the answer says why."""
        finished = python("while True: pass", bounds=Bounds(cpu=1, wall=20))

        assert finished.ended_by is not None
        assert finished.cpu == pytest.approx(1, abs=0.5)

    def test_memory(self) -> None:
        """A program that wants too much memory does not get it."""
        finished = python("bytearray(1 << 30)", bounds=Bounds(cpu=10, wall=20, memory=256 << 20))

        assert "MemoryError" in finished.errors

    def test_file_size(self, tmp_path: Path) -> None:
        """A program that writes too large a file is ended."""
        write = f"open({str(tmp_path / 'f')!r}, 'wb').write(bytes(1 << 20))"
        code = f"import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL); {write}"

        finished = python(code, writable=(tmp_path,), bounds=Bounds(cpu=10, wall=20, file=4096))

        assert finished.ended_by == "it wrote a larger file than it was allowed to"

    def test_wall_time(self) -> None:
        """A program that sleeps beyond its time is killed."""
        with pytest.raises(DeadlineExceeded):
            python("import time; time.sleep(60)", bounds=Bounds(cpu=10, wall=0.3))

    def test_missing(self, tmp_path: Path) -> None:
        """A program that is not there is told by name."""
        with pytest.raises(ProgramMissing, match="nothing"):
            run(Command(program=tmp_path / "nothing", arguments=()), bounds=BOUNDS)


class TestDeath:
    def test_cancel_kills_the_group(self) -> None:
        """A cancellation ends a program and its children, which would go on for half an hour."""
        cancelled = threading.Event()
        threading.Timer(0.5, cancelled.set).start()
        seconds = str(1896 + os.getpid())
        code = f"import subprocess; subprocess.run(['/usr/bin/sleep', '{seconds}'])"

        with pytest.raises(TranscodeCancelled):
            run(
                Command(program=PYTHON, arguments=("-c", code), readable=(*LIBRARIES, Path("/bin"))),
                bounds=BOUNDS,
                cancel=cancelled,
            )

        assert not any(_alive_after(process, seconds=30) for process in _running("sleep", seconds))

    def test_dies_with_its_parent(self, corpus: Corpus, tmp_path: Path) -> None:
        """When the process that started the encoder is killed outright, the encoder dies too."""
        film, mark = corpus["plain"], tmp_path / "out"
        code = (
            "import sys\nfrom pathlib import Path\n"
            "from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command, run\n"
            "program, film, folder = map(Path, sys.argv[1:])\n"
            "loop = ('-re', '-stream_loop', '-1', '-i', str(film), '-f', 'mpegts', str(folder / 'x'))\n"
            "command = Command(program=program, arguments=loop, readable=(film,), writable=(folder,))\n"
            "run(command, bounds=Bounds())\n"
        )
        mark.mkdir()
        arguments = [sys.executable, "-c", code, str(TOOLS.ffmpeg), str(film), str(mark)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

        with subprocess.Popen(arguments, env=environment) as parent:
            child = _wait_for_child(parent.pid, TOOLS.ffmpeg.name)
            parent.send_signal(signal.SIGKILL)

        assert not _alive_after(child, seconds=30)


def _running(*command: str) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if [Path(part).name for part in process.info["cmdline"] or []] == list(command)
    ]


def _wait_for_child(pid: int, name: str) -> psutil.Process:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if name in " ".join(child.cmdline()[:1]):
                    return child
        time.sleep(0.05)
    pytest.fail("the encoder did not start")


def _alive_after(process: psutil.Process, *, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return False
        except psutil.NoSuchProcess:
            return False
        time.sleep(0.05)
    return True


class TestSecret:
    def test_is_seen_by_the_program_only(self) -> None:
        """A program reads its secret, which stands on the command line of no process while it runs."""
        secret, seen, cancel = secrets.token_hex(16), list[str](), threading.Event()
        code = "import sys, time; print(sys.stdin.read(), flush=True); time.sleep(600)"
        command = Command(program=PYTHON, arguments=("-c", code), readable=LIBRARIES, secret=secret.encode())

        def look(said: bytes) -> None:
            assert said.decode().strip() == secret
            seen.extend(" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"]))
            cancel.set()

        with pytest.raises(TranscodeCancelled):
            run(command, bounds=BOUNDS, cancel=cancel, on_output=look)

        assert any("time.sleep(600)" in line for line in seen)
        assert not any(secret in line for line in seen)
        assert secret not in repr(command)

    def test_nothing_to_read(self) -> None:
        """A program without a secret reads nothing, and does not wait for it."""
        assert python("import sys; print(repr(sys.stdin.read()))").output.strip() == b"''"

    def test_too_much(self) -> None:
        """More than a pipe holds is refused, instead of waiting for ever."""
        command = Command(program=PYTHON, arguments=(), secret=bytes(65537))

        with pytest.raises(ValueError, match="65536"):
            run(command, bounds=BOUNDS)
