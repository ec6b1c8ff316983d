"""One at a time: of those who would make the same thing at once, one does and the others wait for it."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from vitascope.transcoding.pipeline.contracts import TranscodeCancelled
from vitascope.transcoding.pipeline.sandbox.program import Cancellation

_POLL = 0.05  # seconds


@contextmanager
def turn(folder: Path, *, cancel: Cancellation) -> Iterator[None]:
    """Wait until nobody else on this machine makes this folder, then look again whether it is there.

    A process that dies gives up its turn. Raises TranscodeCancelled while waiting.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.turn").open("wb") as file:
        while not _taken(file):
            if cancel.is_set():
                raise TranscodeCancelled
            time.sleep(_POLL)
        yield


def _taken(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
