"""What it costs that a worker is killed again and again."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from benchmarks.figure import Figure, Target
from benchmarks.transcode.films import SECONDS, cost_of, film, versions

_LENGTHS = 4  # minutes, if nothing shorter is asked for
_KILLED_EVERY = 5.0  # seconds
_MOST_KILLS = 200  # on a machine that does nothing in five seconds this would never end
_WORKER = Path(__file__).with_name("worker.py")
_SET_CHILD_SUBREAPER = 36  # prctl(2)


def figures() -> Iterator[Figure]:
    """CPU wasted by kills over that of the undisturbed run: one run of each, every kill is a sample.

    The worker is a process of its own with two encoders at once; SIGKILL leaves it no time to tidy up.
    Another is started at once and goes on. That both leave the same bytes is checked.
    """
    _adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="vitascope-bench-") as name:
        folder = Path(name)
        source = film(folder, size="640x360", rate=30, seconds=_LENGTHS * SECONDS)
        kills: list[int] = []
        calm = cost_of(lambda: _encode(source, folder / "calm"))
        disturbed = cost_of(lambda: kills.append(_encode_under_kills(source, folder / "disturbed")))
        assert _contents(folder / "calm") == _contents(folder / "disturbed")
    yield Figure(
        name="transcode.killed",
        value=disturbed.cpu - calm.cpu,
        unit=f"s of CPU wasted by {kills[0]} kills, one every {_KILLED_EVERY:g} s, in 360p",
        against="the undisturbed run, of the same bytes",
        against_value=calm.cpu,
        target=Target("ratio", "<=", 0.15),
        versions=versions(),
    )


def _adopt_orphans() -> None:
    """Let the encoders of a killed worker be counted here: their parent is gone, so nobody else would."""
    ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _encode(source: Path, work: Path) -> None:
    with _worker(source, work) as worker:
        worker.wait()
    assert worker.returncode == 0


def _encode_under_kills(source: Path, work: Path) -> int:
    """Encode with workers that live five seconds each; the number of those that were killed."""
    kills = 0
    while True:
        with _worker(source, work) as worker:
            try:
                worker.wait(_KILLED_EVERY)
            except subprocess.TimeoutExpired:
                os.kill(worker.pid, signal.SIGKILL)
                worker.wait()
        if worker.returncode != -signal.SIGKILL:
            assert worker.returncode == 0
            return kills
        kills += 1
        assert kills < _MOST_KILLS, "this machine is too busy to measure what a kill costs"
        _bury_orphans()


def _bury_orphans() -> None:
    """Wait for the encoders of a killed worker: the system kills them with it."""
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _worker(source: Path, work: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, str(_WORKER), str(source), str(work)])


def _contents(work: Path) -> dict[str, str]:
    """A digest of each encoded track; what a killed worker left half done is under no name of its own."""
    (folder,) = work.glob("encoded-*")
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in folder.glob("*.mp4")}
