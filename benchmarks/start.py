"""How fast the platform is there, and how little it takes while nobody asks for anything."""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from benchmarks.figure import RUNS, Figure, Target, medians, seconds

_VITASCOPE = (sys.executable, "-m", "vitascope")
_IDLE_SECONDS = 5.0
_TIMEOUT_SECONDS = 60.0


def figures() -> Iterator[Figure]:
    """From `vitascope up` to the first answered page; resident memory; the help."""
    first, warm, memory = zip(*(_start_twice() for _ in range(RUNS)), strict=True)
    yield Figure(
        name="start.first", value=statistics.median(first), unit="s", target=Target("value", "<=", 6)
    )
    yield Figure(name="start.warm", value=statistics.median(warm), unit="s", target=Target("value", "<=", 3))
    yield Figure(
        name="start.memory", value=statistics.median(memory), unit="MB", target=Target("value", "<=", 450)
    )
    asked, bare = medians(lambda: seconds(_help), lambda: seconds(_python))
    yield Figure(
        name="start.help",
        value=asked,
        unit="s",
        against="python -c pass",
        against_value=bare,
        target=Target("value", "<=", 0.4),
    )


def _start_twice() -> tuple[float, float, float]:
    """Seconds of a first and of a second start in a new data folder, and idle megabytes after that."""
    with tempfile.TemporaryDirectory(prefix="vitascope-bench-") as folder:
        # root's PostgreSQL runs as another account, which must be able to enter
        Path(folder).chmod(0o711)
        data = Path(folder) / "data"
        with _up(data) as (first, _):
            pass
        with _up(data) as (warm, process):
            time.sleep(_IDLE_SECONDS)
            return first, warm, _resident(process, data) / 1e6


@contextmanager
def _up(data: Path) -> Iterator[tuple[float, psutil.Process]]:
    """A running platform, and the seconds until its first page was answered."""
    started = time.perf_counter()
    command = [*_VITASCOPE, "up", "--data", str(data), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            line = process.stdout.readline() if process.stdout else b""
            _wait_for(json.loads(line)["url"] + "/")
            yield time.perf_counter() - started, psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(_TIMEOUT_SECONDS)


def _wait_for(url: str) -> None:
    until = time.perf_counter() + _TIMEOUT_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - our own
                answer.read()
                return
        except urllib.error.URLError:
            if time.perf_counter() > until:
                raise
            time.sleep(0.01)


def _resident(process: psutil.Process, data: Path) -> float:
    """Proportional resident bytes of the platform's processes and its database's."""
    postmaster = psutil.Process(int((data / "postgresql/cluster/postmaster.pid").read_text().split()[0]))
    family = [one for root in (process, postmaster) for one in (root, *root.children(recursive=True))]
    return float(sum(one.memory_full_info().pss for one in family if one.is_running()))


def _help() -> None:
    subprocess.run([*_VITASCOPE, "--help"], check=True, capture_output=True, env=os.environ)


def _python() -> None:
    subprocess.run([sys.executable, "-c", "pass"], check=True)
