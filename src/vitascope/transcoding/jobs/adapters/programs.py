"""Which encoder, prober and packager this machine has."""

import os

from vitascope.transcoding.pipeline.binaries import Tools, find


def tools() -> Tools:
    """The programs, as the environment names them or as they are found. Raises ProgramMissing."""
    return find(os.environ)
