"""How much memory the process that directs the encoders needs itself, on a long film."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
from benchmarks.figure import Figure, Target
from benchmarks.transcode.films import SECONDS, WORKERS, film, versions

_LENGTHS = 10  # ten minutes, if nothing shorter is asked for
_EVERY = 0.1  # seconds


def figures() -> Iterator[Figure]:
    """The greatest resident size of the process, that of its encoders not counted.

    One run: the memory does not depend on what else the machine does. The pictures are small: no
    picture passes through this process, but everything that grows with the length of a film does.
    """
    with tempfile.TemporaryDirectory(prefix="vitascope-bench-") as name:
        source = film(Path(name), size="320x180", rate=30, seconds=_LENGTHS * SECONDS)
        command = [sys.executable, "-m", "vitascope", "transcode", str(source), "-o", f"{name}/set"]
        with subprocess.Popen([*command, "--workers", str(WORKERS)], stdout=subprocess.DEVNULL) as process:
            greatest = _greatest(process)
    yield Figure(
        name="transcode.memory",
        value=greatest / 2**20,
        unit=f"MB resident, without encoders, for {_LENGTHS * SECONDS} s of film",
        target=Target("value", "<=", 150),
        versions=versions(),
    )


def _greatest(process: subprocess.Popen[bytes]) -> int:
    seen, watched = 0, psutil.Process(process.pid)
    while process.poll() is None:
        seen = max(seen, watched.memory_info().rss)
        try:
            process.wait(_EVERY)
        except subprocess.TimeoutExpired:
            continue
    assert process.returncode == 0
    return seen
