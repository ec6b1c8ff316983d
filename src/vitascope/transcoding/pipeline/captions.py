"""Subtitle tracks become WebVTT."""

from pathlib import Path

from msgspec import Struct

from vitascope.transcoding.pipeline.charset import decode
from vitascope.transcoding.pipeline.contracts import TextTrack
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.outcome import StageTime
from vitascope.transcoding.pipeline.probe import input_name, input_options
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command
from vitascope.transcoding.pipeline.sniff import CONTAINERS
from vitascope.transcoding.pipeline.subtitles import read_subtitles
from vitascope.transcoding.pipeline.webvtt import Cue, read_cues, tidy, write
from vitascope.transcoding.pipeline.workbench import Workbench

_BOUNDS = Bounds(cpu=600, wall=1800, file=64 << 20)


class Captions(Struct, frozen=True, kw_only=True):
    """The tracks that could be read, what is to be said of the others, and the seconds it took."""

    files: tuple[tuple[TextTrack, str], ...]
    warnings: tuple[str, ...]
    wall: float = 0.0
    cpu: float = 0.0


def extract(film: Film, *, folder: Path, bench: Workbench) -> Captions:
    """Write each text track of a film's plan as `text-N.vtt`: valid WebVTT, within the film.

    A track that cannot be read is left out with a warning: a film without its captions is still a
    film, and one process for each keeps a broken one from spoiling the others.
    """
    files, warnings, wall, cpu = [], [], 0.0, 0.0
    length = film.plan.video.duration or film.plan.duration
    for number, track in enumerate(film.plan.text):
        name = f"text-{number}.vtt"
        cues, took = _cues(film, track, folder=folder, bench=bench)
        wall, cpu = wall + took.wall, cpu + took.cpu
        shown = () if cues is None else tidy(cues, duration=length)
        if shown:
            (folder / name).write_text(write(shown), encoding="utf-8")
            files.append((track, name))
        else:
            warnings.append(_warning(track, failed=cues is None))
    return Captions(files=tuple(files), warnings=tuple(warnings), wall=wall, cpu=cpu)


def _cues(
    film: Film, track: TextTrack, *, folder: Path, bench: Workbench
) -> tuple[tuple[Cue, ...] | None, StageTime]:
    """The cues of a track, None if it cannot be read."""
    if track.side is not None:
        file = film.beside.get(track.side)
        return (read_subtitles(file)[0] if file else None), StageTime(wall=0.0, cpu=0.0)
    raw = folder / "embedded.vtt"
    finished = bench.run(_command(film, track, raw, bench=bench), bounds=_BOUNDS)
    took = StageTime(wall=finished.wall, cpu=finished.cpu)
    try:
        cues = tuple(read_cues(decode(raw.read_bytes()))) if finished.code == 0 else None
    except FileNotFoundError:
        cues = None
    raw.unlink(missing_ok=True)
    return cues, took


def _command(film: Film, track: TextTrack, file: Path, *, bench: Workbench) -> Command:
    return Command(
        program=bench.tools.ffmpeg,
        arguments=(
            *("-nostdin", "-hide_banner", "-v", "error", "-y"),
            *input_options(CONTAINERS[film.plan.container], pixels=bench.limits.pixels),
            *("-i", input_name(film.file), "-map", f"0:{track.index}", "-f", "webvtt", str(file)),
        ),
        readable=(film.file.resolve(),),
        writable=(file.parent,),
    )


def _warning(track: TextTrack, *, failed: bool) -> str:
    reason = "could not be read" if failed else "is empty"
    return f"The subtitle track {track.index} ({track.language}) {reason}; it is left out."
