"""What every stage works with: the programs, the limits, whoever listens and whoever may cancel."""

import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from vitascope.transcoding.pipeline.binaries import Tools
from vitascope.transcoding.pipeline.contracts import (
    Limits,
    Listener,
    OutOfSpace,
    ProgramFailed,
    unheard,
)
from vitascope.transcoding.pipeline.sandbox.program import (
    NEVER,
    Bounds,
    Cancellation,
    Command,
    Finished,
    run,
)

_SAMPLE = 1 << 20
_SAMPLES = 16
REVISION = b"2"
"""Changes with whatever changes what the same plan produces."""

# As ffmpeg says it, and as the packager does.
_FULL_DISK = ("No space left on device", "running out of disk space")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")


class Workbench(Struct, frozen=True, kw_only=True):
    """The programs and limits of one transcoding, its listener, its cancellation, and how much at once."""

    tools: Tools
    limits: Limits = Limits()
    listen: Listener = unheard
    cancel: Cancellation = NEVER
    workers: int = os.cpu_count() or 1

    def run(
        self, command: Command, *, bounds: Bounds, on_output: Callable[[bytes], None] | None = None
    ) -> Finished:
        """Run a program in the sandbox; raises OutOfSpace, whatever else it does is in the answer."""
        finished = run(command, bounds=bounds, cancel=self.cancel, on_output=on_output)
        if finished.code != 0 and any(sign in finished.errors for sign in _FULL_DISK):
            raise OutOfSpace
        return finished

    def must(self, command: Command, *, bounds: Bounds) -> Finished:
        """Run a program that reads only what we made; raises ProgramFailed if it fails."""
        finished = self.run(command, bounds=bounds)
        if finished.code != 0:
            raise ProgramFailed(
                f"{command.program.name} failed: {finished.ended_by or first_error(finished.errors)}"
            )
        return finished


def first_error(errors: str) -> str:
    """The first line that a program wrote to its error output, safe to show, at most 200 characters."""
    line = next((line for line in errors.splitlines() if line.strip()), "it did not say why")
    return _ADDRESS.sub("", _CONTROL.sub("?", line)).strip()[:200]


def fingerprint(digest: str, *decisive: object) -> str:
    """A name for what a film and all that decides give: equal inputs, equal name, on every machine."""
    return hashlib.sha256(REVISION + msgspec.json.encode((digest, decisive))).hexdigest()[:32]


def digest_of(source: Path) -> str:
    """A name for a film's content, from its size and samples of it."""
    size = source.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with source.open("rb") as file:
        for position in sorted({size * n // _SAMPLES for n in range(_SAMPLES)} | {max(0, size - _SAMPLE)}):
            file.seek(position)
            digest.update(file.read(_SAMPLE))
    return digest.hexdigest()[:32]


@contextmanager
def built(folder: Path) -> Iterator[Path]:
    """Build a folder under another name; it gets its own name when all went well, else it goes.

    Two builders of one folder do not disturb each other: the first to finish wins.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield partial
        partial.chmod(0o755)
        _rename(partial, folder)
    except OSError as problem:
        if problem.errno == errno.ENOSPC:
            raise OutOfSpace from problem
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _rename(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        if not (folder.is_dir() and os.listdir(folder)):  # noqa: PTH208 - iterdir would need a list as well
            raise
