"""Make tracks of an encrypted set clear again, to see that they were encrypted with the right keys."""

import shutil
from pathlib import Path
from urllib.parse import unquote

from vitascope.transcoding.pipeline.outcome import StageTime
from vitascope.transcoding.pipeline.playlists import read_media
from vitascope.transcoding.pipeline.protection import FLAGS_FROM_INPUT, Protection
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command
from vitascope.transcoding.pipeline.workbench import Workbench

_BOUNDS = Bounds(cpu=3600, wall=3 * 3600)


def reveal(
    playlist: Path, *, video: bool, protection: Protection, bench: Workbench, into: Path
) -> tuple[Path, StageTime]:
    """A clear MP4 file of a track, in a folder that the caller removes.

    Raises ProgramFailed if there is no key for it.
    """
    whole, clear = into / "encrypted.mp4", into / "clear.mp4"
    _join(playlist, whole)
    stream = f"in={whole.name},stream={'video' if video else 'audio'},output={clear.name}"
    command = Command(
        program=bench.tools.packager,
        arguments=(stream, "--temp_dir", ".", "--quiet", *FLAGS_FROM_INPUT),
        readable=(whole.resolve(),),
        writable=(into.resolve(),),
        folder=into.resolve(),
        secret=protection.decrypting(),
    )
    finished = bench.must(command, bounds=_BOUNDS)
    whole.unlink()
    return clear, StageTime(wall=finished.wall, cpu=finished.cpu)


def _join(playlist: Path, whole: Path) -> None:
    listed = read_media(playlist)
    header = listed.segments[0].initialisation
    names = [*([header.uri] if header else []), *(one.uri for one in listed.segments)]
    with whole.open("wb") as file:
        for name in names:
            with (playlist.parent / unquote(name)).open("rb") as part:
                shutil.copyfileobj(part, file)
