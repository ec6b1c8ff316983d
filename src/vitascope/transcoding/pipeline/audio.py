"""Encode the sound of a film: each track once and whole, because joined pieces click and drift."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.binaries import version
from vitascope.transcoding.pipeline.contracts import AudioTrack, Plan, StageTime
from vitascope.transcoding.pipeline.encoded import EncodedAudio
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.probe import input_name, input_options
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command
from vitascope.transcoding.pipeline.sniff import CONTAINERS
from vitascope.transcoding.pipeline.video import require_success
from vitascope.transcoding.pipeline.workbench import Workbench, built, fingerprint

_BITS = 128_000
_HERTZ = 48_000
_CPU_PER_SECOND = 10  # of film
_LEAST_SECONDS = 900
_OVERHANG = 0.5  # seconds: an encoder's last packet, not silence after the film
_NOTHING = StageTime(wall=0.0, cpu=0.0)
_RESULT = "sound.json"


class EncodedSound(Struct, frozen=True, kw_only=True):
    """All sound tracks; one that could not be decoded lasts zero seconds. Files are named in the folder."""

    folder: Path
    tracks: tuple[EncodedAudio, ...]


def encode_sound(film: Film, *, work: Path, bench: Workbench) -> tuple[EncodedSound, StageTime]:
    """Encode all sound tracks into a folder of `work` named after film and tracks; skips what is there."""
    decisive = (version(bench.tools.ffmpeg), film.plan.container, film.plan.audio)
    folder = work.resolve() / f"sound-{fingerprint(film.digest, *decisive)}"
    took = _NOTHING
    if not (folder / _RESULT).is_file():
        with built(folder) as partial:
            took = _encode(film, partial, bench=bench)
            examined = [_examine(track, partial / _name(n)) for n, track in enumerate(film.plan.audio)]
            (partial / _RESULT).write_bytes(msgspec.json.encode(examined, enc_hook=str))
    tracks = msgspec.json.decode(
        (folder / _RESULT).read_bytes(), type=tuple[EncodedAudio, ...], dec_hook=lambda kind, text: kind(text)
    )
    return EncodedSound(folder=folder, tracks=tracks), took


def _encode(film: Film, folder: Path, *, bench: Workbench) -> StageTime:
    if not film.plan.audio:
        return _NOTHING
    command = Command(
        program=bench.tools.ffmpeg,
        arguments=tuple(arguments(film, out=folder, pixels=bench.limits.pixels)),
        readable=(film.file.resolve(),),
        writable=(folder,),
    )
    finished = bench.run(command, bounds=_bounds(film.plan))
    require_success(finished)
    return StageTime(wall=finished.wall, cpu=finished.cpu)


def _bounds(plan: Plan) -> Bounds:
    seconds = _LEAST_SECONDS + _CPU_PER_SECOND * (plan.duration or 3600.0)
    return Bounds(cpu=int(seconds), wall=4 * seconds, file=8 << 30)


def arguments(film: Film, *, out: Path, pixels: int) -> Iterator[str]:
    """The ffmpeg command line that encodes the sound of a film into the folder `out`."""
    yield from ("-nostdin", "-hide_banner", "-v", "error", "-nostats", "-y")
    yield from input_options(CONTAINERS[film.plan.container], pixels=pixels)
    yield from ("-i", input_name(film.file), "-map_metadata", "-1", "-map_chapters", "-1")
    yield from outputs(film, out=out)


def outputs(film: Film, *, out: Path) -> Iterator[str]:
    """The part of an ffmpeg command line that encodes the sound of its input."""
    for number, track in enumerate(film.plan.audio):
        yield from ("-map", f"0:{track.index}", *_options(), str(out / _name(number)))


def _options() -> Iterator[str]:
    yield from ("-c:a", "aac", "-profile:a", "aac_low", "-b:a", str(_BITS), "-ac", "2")
    yield from ("-ar", str(_HERTZ), "-af", "aresample=async=1:first_pts=0")


def _name(number: int) -> str:
    return f"audio-{number}.mp4"


def _examine(track: AudioTrack, file: Path) -> EncodedAudio:
    read = mp4.read_track(file) if file.is_file() and file.stat().st_size else None
    return EncodedAudio(track=track, file=Path(file.name), duration=read.seconds if read else 0.0)


def place(file: Path, *, out: Path, seconds: float, bench: Workbench) -> float:
    """Put an encoded track at its place, cut where it outlasts the picture; it is not encoded again.

    Answers the seconds that were cut off, zero if none.
    """
    excess = mp4.read_track(file).seconds - seconds
    if excess <= _OVERHANG:
        out.hardlink_to(file)
        return 0.0
    cut = ("-t", f"{seconds:.6f}", "-c", "copy", str(out.resolve()))
    bench.must(
        Command(
            program=bench.tools.ffmpeg,
            arguments=(
                *("-nostdin", "-hide_banner", "-v", "error", "-y", "-protocol_whitelist", "file"),
                *("-f", "mov", "-i", f"file:{file.resolve()}", *cut),
            ),
            readable=(file.resolve(),),
            writable=(out.parent.resolve(),),
        ),
        bounds=Bounds(cpu=600, wall=1800),
    )
    return excess
