"""Let the sound end with the picture: a set lasts as long as its picture, in both manifests."""

from pathlib import Path

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command
from vitascope.transcoding.pipeline.workbench import Workbench

_TOLERATED = 0.5  # seconds: an encoder's last packet, not silence after the film
_BOUNDS = Bounds(cpu=600, wall=1800)


def end_with_picture(file: Path, *, seconds: float, bench: Workbench) -> float:
    """Cut an encoded sound track that outlasts the picture, without encoding it again.

    Answers the seconds that were cut off, zero if none.
    """
    excess = mp4.read_track(file).seconds - seconds
    if excess <= _TOLERATED:
        return 0.0
    cut = file.with_name(f"cut-{file.name}")
    bench.must(
        Command(
            program=bench.tools.ffmpeg,
            arguments=(
                *("-nostdin", "-hide_banner", "-v", "error", "-y", "-protocol_whitelist", "file"),
                *(
                    "-f",
                    "mov",
                    "-i",
                    f"file:{file.resolve()}",
                    "-t",
                    f"{seconds:.6f}",
                    "-c",
                    "copy",
                    str(cut),
                ),
            ),
            readable=(file.resolve(),),
            writable=(file.parent.resolve(),),
        ),
        bounds=_BOUNDS,
    )
    cut.replace(file)
    return excess
