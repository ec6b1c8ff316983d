"""A worker that encodes one film chunk by chunk, and may be killed."""

import sys
from pathlib import Path

from benchmarks.transcode.films import TOOLS, WORKERS, planned

from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.profile import Profile, VideoProfile
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench

CHUNK_SECONDS = 4.0  # of a small picture: about a second of CPU


def film_of(file: Path) -> Film:
    """The film, to be cut into many chunks."""
    return planned(file, Profile(video=VideoProfile(chunk_seconds=CHUNK_SECONDS)))


def main() -> None:
    """Encode the film, or what is left of it, in the folder."""
    file, work = map(Path, sys.argv[1:])
    film = film_of(file)
    Pipeline(Workbench(tools=TOOLS, workers=WORKERS)).encode(film.file, film.plan, work=work)


if __name__ == "__main__":
    main()
