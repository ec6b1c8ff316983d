"""Encode the sound of a film: each track once and whole, because joined pieces click and drift."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.binaries import version
from vitascope.transcoding.pipeline.contracts import AudioTrack, Mix, Plan
from vitascope.transcoding.pipeline.encoded import EncodedAudio
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.loudness import (
    METER,
    Correction,
    Measure,
    correction,
    filters,
    measured_by,
)
from vitascope.transcoding.pipeline.outcome import StageTime
from vitascope.transcoding.pipeline.probe import input_name, input_options
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command
from vitascope.transcoding.pipeline.sniff import CONTAINERS
from vitascope.transcoding.pipeline.video import require_success
from vitascope.transcoding.pipeline.workbench import Workbench, built, fingerprint

_HERTZ = 48_000
_LAYOUTS = {2: "stereo", 6: "5.1"}
_NAMED_CHANNELS = 8  # ffmpeg knows no common place for the channels beyond these
_CPU_PER_SECOND = 10  # of film
_LEAST_SECONDS = 900
_OVERHANG = 0.5  # seconds: an encoder's last packet, not silence after the film
_LEAST = 0.5  # seconds: of less sound the packager tells a wrong bandwidth, by the encoder's first packet
_NOTHING = StageTime(wall=0.0, cpu=0.0)
_RESULT = "sound.json"


class EncodedSound(Struct, frozen=True, kw_only=True):
    """All sound tracks; one that could not be decoded lasts zero seconds. Files are named in the folder."""

    folder: Path
    tracks: tuple[EncodedAudio, ...]


def encode_sound(film: Film, *, work: Path, bench: Workbench) -> tuple[EncodedSound, StageTime]:
    """Encode all sound tracks into a folder of `work` named after film and tracks; skips what is there."""
    plan = film.plan
    decisive = (version(bench.tools.ffmpeg), plan.container, plan.audio, plan.mixes, plan.loudness)
    folder = work.resolve() / f"sound-{fingerprint(film.digest, *decisive)}"
    took = _NOTHING
    if not (folder / _RESULT).is_file():
        with built(folder) as partial:
            measured, measuring = measure(film, bench=bench)
            corrections = [correction(one, plan.loudness) for one in measured]
            encoding = _encode(film, corrections, partial, bench=bench)
            took = StageTime(wall=measuring.wall + encoding.wall, cpu=measuring.cpu + encoding.cpu)
            examined = [
                _examine(plan, number, partial, measure=measured[number], gain=corrections[number].gain)
                for number in range(len(plan.mixes))
            ]
            (partial / _RESULT).write_bytes(msgspec.json.encode(examined, enc_hook=str))
    tracks = msgspec.json.decode(
        (folder / _RESULT).read_bytes(), type=tuple[EncodedAudio, ...], dec_hook=lambda kind, text: kind(text)
    )
    return EncodedSound(folder=folder, tracks=tracks), took


def measure(film: Film, *, bench: Workbench) -> tuple[tuple[Measure, ...], StageTime]:
    """How loud each track to be made would be uncorrected; nothing is measured if that does not matter.

    It is each mix that is measured, because a downmix is not as loud as what it is made of.
    """
    plan = film.plan
    if plan.loudness is None or not plan.mixes:
        return (Measure(),) * len(plan.mixes), _NOTHING
    measured = [_measure(film, mix, bench=bench) for mix in plan.mixes]
    took = [taken for _, taken in measured]
    spent = StageTime(wall=sum(one.wall for one in took), cpu=sum(one.cpu for one in took))
    return tuple(found for found, _ in measured), spent


def _measure(film: Film, mix: Mix, *, bench: Workbench) -> tuple[Measure, StageTime]:
    """Measure one mix, in a process of its own: several meters would write their reports into each other."""
    outputs = [*_mapped(film.plan, mix, [METER]), "-f", "null", "-"]
    finished = bench.run(_command(film, outputs, bench=bench, says="info"), bounds=_bounds(film.plan))
    # If it failed, then so will the encoding, which says why.
    return measured_by(finished.errors), StageTime(wall=finished.wall, cpu=finished.cpu)


def _encode(film: Film, corrections: Sequence[Correction], folder: Path, *, bench: Workbench) -> StageTime:
    plan = film.plan
    if not plan.mixes:
        return _NOTHING
    outputs = [
        part
        for number, (mix, wrong) in enumerate(zip(plan.mixes, corrections, strict=True))
        for part in (
            *_mapped(plan, mix, (*filters(wrong, plan.loudness), f"apad=whole_dur={_LEAST}")),
            *_codec(mix),
            str(folder / _name(number)),
        )
    ]
    finished = bench.run(
        _command(film, outputs, bench=bench, says="error", writable=(folder,)), bounds=_bounds(plan)
    )
    require_success(finished)
    return StageTime(wall=finished.wall, cpu=finished.cpu)


def _bounds(plan: Plan) -> Bounds:
    seconds = _LEAST_SECONDS + _CPU_PER_SECOND * len(plan.mixes) * (plan.duration or 3600.0)
    return Bounds(cpu=int(seconds), wall=4 * seconds, file=8 << 30)


def _command(
    film: Film, outputs: Sequence[str], *, bench: Workbench, says: str, writable: tuple[Path, ...] = ()
) -> Command:
    return Command(
        program=bench.tools.ffmpeg,
        arguments=(
            *("-nostdin", "-hide_banner", "-v", says, "-nostats", "-y"),
            *input_options(CONTAINERS[film.plan.container], pixels=bench.limits.pixels),
            *("-i", input_name(film.file), "-map_metadata", "-1", "-map_chapters", "-1"),
            *outputs,
        ),
        readable=(film.file.resolve(),),
        writable=writable,
    )


def _mapped(plan: Plan, mix: Mix, corrected: Iterable[str]) -> Iterator[str]:
    track = plan.audio[mix.track]
    yield from ("-map", f"0:{track.index}", "-af", ",".join((*_mixing(track, mix), *corrected)))


def _mixing(track: AudioTrack, mix: Mix) -> Iterator[str]:
    """From a source's sound to that of a mix: gaps filled, in floating point, in its channels.

    The format is said, because the level of a downmix depends on it: of integers it is made quieter
    so that nothing can clip, of floating point it is not.
    """
    yield f"aresample={_HERTZ}:async=1:first_pts=0"
    if track.channels > _NAMED_CHANNELS:
        yield "pan=stereo|c0=c0|c1=c1"
    yield f"aformat=sample_fmts=fltp:sample_rates={_HERTZ}:channel_layouts={_LAYOUTS[mix.channels]}"


def _codec(mix: Mix) -> Iterator[str]:
    if mix.codec == "opus":
        # Mapping family 1 is what a channel layout is written in (RFC 7845).
        yield from ("-c:a", "libopus", "-mapping_family", "1" if mix.channels > 2 else "0")
    else:
        yield from ("-c:a", "aac", "-profile:a", "aac_low")
    yield from ("-b:a", str(mix.bits), "-ar", str(_HERTZ))


def _name(number: int) -> str:
    return f"audio-{number}.mp4"


def _examine(plan: Plan, number: int, folder: Path, *, measure: Measure, gain: float) -> EncodedAudio:
    mix, file = plan.mixes[number], folder / _name(number)
    read = mp4.read_track(file) if file.is_file() and file.stat().st_size else None
    return EncodedAudio(
        track=plan.audio[mix.track],
        mix=mix,
        file=Path(file.name),
        duration=read.seconds if read else 0.0,
        loudness=measure.loudness,
        gain=gain,
    )


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
