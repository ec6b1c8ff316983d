"""Subtitle tracks become WebVTT."""

from pathlib import Path

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import Plan, TextTrack
from vitascope.transcoding.pipeline.probe import input_name, input_options
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command
from vitascope.transcoding.pipeline.sniff import CONTAINERS
from vitascope.transcoding.pipeline.workbench import Workbench

_BOUNDS = Bounds(cpu=600, wall=1800, file=256 << 20)


class Captions(Struct, frozen=True, kw_only=True):
    """The tracks that could be read, what is to be said of the others, and the seconds it took."""

    files: tuple[tuple[TextTrack, str], ...]
    warnings: tuple[str, ...]
    wall: float = 0.0
    cpu: float = 0.0


def extract(source: Path, plan: Plan, *, folder: Path, bench: Workbench) -> Captions:
    """Write each text track of a source as `text-N.vtt`.

    A track that cannot be read is left out with a warning: a film without its captions is still a
    film, and one process for each keeps a broken one from spoiling the others.
    """
    files, warnings, wall, cpu = [], [], 0.0, 0.0
    for number, track in enumerate(plan.text):
        name = f"text-{number}.vtt"
        finished = bench.run(_command(source, plan, track, folder / name, bench=bench), bounds=_BOUNDS)
        wall, cpu = wall + finished.wall, cpu + finished.cpu
        if finished.code == 0 and _has_cues(folder / name):
            files.append((track, name))
        else:
            warnings.append(_warning(track, failed=finished.code != 0))
    return Captions(files=tuple(files), warnings=tuple(warnings), wall=wall, cpu=cpu)


def _command(source: Path, plan: Plan, track: TextTrack, file: Path, *, bench: Workbench) -> Command:
    # Cues beyond the film would lengthen it in the manifest.
    until = ("-t", f"{plan.duration:.3f}") if plan.duration else ()
    return Command(
        program=bench.tools.ffmpeg,
        arguments=(
            *("-nostdin", "-hide_banner", "-v", "error", "-y"),
            *input_options(CONTAINERS[plan.container], pixels=bench.limits.pixels),
            *("-i", input_name(source), "-map", f"0:{track.index}", *until, "-f", "webvtt", str(file)),
        ),
        readable=(source.resolve(),),
        writable=(file.parent,),
    )


def _has_cues(file: Path) -> bool:
    return file.is_file() and "-->" in file.read_text(encoding="utf-8", errors="replace")


def _warning(track: TextTrack, *, failed: bool) -> str:
    reason = "could not be read" if failed else "is empty"
    return f"The subtitle track {track.index} ({track.language}) {reason}; it is left out."
