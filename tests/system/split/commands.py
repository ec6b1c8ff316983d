"""`vitascope …` as processes of their own, on one data folder."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_SOURCE = Path(__file__).resolve().parents[3] / "src"
_STOP_SECONDS = 60


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def vitascope(*arguments: str, data: Path, settings: Mapping[str, object]) -> Iterator[str]:
    """Run a command with these variables; it serves at the address given, until it is stopped."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(_SOURCE),
        **{name: str(value) for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "vitascope", *arguments, "--data", str(data), "--json"]
    log = data / f"{arguments[0]}.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, log.read_text(encoding="utf-8")[-2000:]
        yield json.loads(line)["url"]
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=_STOP_SECONDS)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
