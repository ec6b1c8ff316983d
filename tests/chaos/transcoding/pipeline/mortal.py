"""A process that encodes a film and kills itself in the middle of a chunk: `mortal.py FILE WORK NUMBER`."""

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from vitascope.transcoding.pipeline import binaries
from vitascope.transcoding.pipeline.profile import Profile, VideoProfile
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command, Finished
from vitascope.transcoding.pipeline.workbench import Workbench


class Mortal(Workbench, frozen=True):
    """Dies when the encoder of the given number first says something, which it does before it is done."""

    fatal: int
    numbers: Iterator[int] = msgspec.field(default_factory=lambda: itertools.count(1))

    def run(
        self, command: Command, *, bounds: Bounds, on_output: Callable[[bytes], None] | None = None
    ) -> Finished:
        """As a workbench does it, but for the fatal one."""
        if "-filter_complex" in command.arguments and next(self.numbers) == self.fatal:
            on_output = _die
        return super().run(command, bounds=bounds, on_output=on_output)


def _die(_: bytes) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Encode in chunks of two seconds, two at once."""
    file, work, fatal = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    pipeline = Pipeline(Mortal(tools=binaries.find(os.environ), workers=2, fatal=fatal))
    media, _ = pipeline.probe(file)
    plan = pipeline.plan(media, Profile(video=VideoProfile(chunk_seconds=2.0)))
    pipeline.encode(file, plan, work=work)


if __name__ == "__main__":
    main()
