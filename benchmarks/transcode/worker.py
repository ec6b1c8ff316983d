"""A program that encodes one film chunk by chunk, and may be killed: `worker.py FILE WORK`.

It imports no other part of the benchmarks: what it costs to start is part of what a kill costs.
"""

import os
import sys
from pathlib import Path

from vitascope.transcoding.pipeline import binaries
from vitascope.transcoding.pipeline.profile import AudioProfile, Profile, VideoProfile
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench

_WORKERS = 2
# Short tasks: what takes longer than the worker lives is never done, and the sound is one task.
_PROFILE = Profile(video=VideoProfile(chunk_seconds=2.0), audio=AudioProfile(loudness=None))


def main() -> None:
    """Encode the film, or what is left of it, in the folder."""
    file, work = map(Path, sys.argv[1:])
    pipeline = Pipeline(Workbench(tools=binaries.find(os.environ), workers=_WORKERS))
    media, _ = pipeline.probe(file)
    pipeline.encode(file, pipeline.plan(media, _PROFILE), work=work)


if __name__ == "__main__":
    main()
