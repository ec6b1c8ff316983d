"""Encode a chunk of a film in every rung, and join the chunks of a rung.

A finished chunk of a rung is a checkpoint: a file whose name is made of everything that decides what
is in it. Where it is there, whoever made it, nothing is done again.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.binaries import version
from vitascope.transcoding.pipeline.bitstream import Opening
from vitascope.transcoding.pipeline.codecs import tag_options, video_options
from vitascope.transcoding.pipeline.contracts import (
    Chunk,
    HardwareUnusable,
    Plan,
    ProgramFailed,
    Rung,
    SetInvalid,
    UnreadableMedia,
)
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.filters import graph
from vitascope.transcoding.pipeline.hardware import device_options, devices, driver_files
from vitascope.transcoding.pipeline.outcome import StageTime
from vitascope.transcoding.pipeline.probe import input_name, input_options
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command, Finished
from vitascope.transcoding.pipeline.sniff import CONTAINERS
from vitascope.transcoding.pipeline.workbench import REVISION, Workbench, first_error

_CPU_PER_SECOND = 120  # of film: 8K in HDR on a slow machine
_LEAST_SECONDS = 900
_LEAD_SECONDS = 1.0  # decoded before an interlaced chunk, because its first lines are made from those before
_NOTHING = StageTime(wall=0.0, cpu=0.0)


class EncodedChunk(Struct, frozen=True, kw_only=True):
    """A chunk of one rung: the checkpoint's name, and its frames (none: the film had ended before)."""

    rung: str
    number: int
    name: str
    frames: int


def checkpoint_name(film: Film, chunk: Chunk, rung: Rung, *, bench: Workbench) -> str:
    """The name of a chunk's checkpoint."""
    plan, largest = film.plan, film.plan.largest
    decisive = (
        (film.digest, version(bench.tools.ffmpeg), plan.container, plan.start, plan.video),
        (plan.frame_rate, plan.gop, largest.width, largest.height, rung, chunk.first, chunk.frames),
    )
    return hashlib.sha256(REVISION + msgspec.json.encode(decisive)).hexdigest()[:32] + ".mp4"


def encode_chunk(
    film: Film,
    chunk: Chunk,
    rungs: Sequence[Rung],
    *,
    folder: Path,
    bench: Workbench,
    on_output: Callable[[bytes], None] | None = None,
) -> tuple[tuple[EncodedChunk, ...], StageTime]:
    """Encode a chunk in these rungs into checkpoints in `folder`; those that are there are left alone.

    One process makes all of them from one decode. Raises UnreadableMedia, OutOfSpace, SetInvalid,
    TranscodeCancelled, DeadlineExceeded.
    """
    named = {rung: folder / checkpoint_name(film, chunk, rung, bench=bench) for rung in rungs}
    missing = {rung: file for rung, file in named.items() if not file.is_file()}
    took = _encode(film, chunk, missing, bench=bench, on_output=on_output) if missing else _NOTHING
    made = tuple(
        EncodedChunk(rung=rung.name, number=chunk.number, name=file.name, frames=frames_of(file))
        for rung, file in named.items()
    )
    return made, took


def frames_of(checkpoint: Path) -> int:
    """The frames of a checkpoint; an empty file says that the film had ended before."""
    return mp4.read_track(checkpoint).samples if checkpoint.stat().st_size else 0


def _encode(
    film: Film,
    chunk: Chunk,
    wanted: Mapping[Rung, Path],
    *,
    bench: Workbench,
    on_output: Callable[[bytes], None] | None,
) -> StageTime:
    folder = next(iter(wanted.values())).parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".chunk-", dir=folder) as name:
        partial = Path(name).resolve()
        command = Command(
            program=bench.tools.ffmpeg,
            arguments=tuple(arguments(film, chunk, list(wanted), out=partial, pixels=bench.limits.pixels)),
            readable=(film.file.resolve(), *driver_files(list(wanted))),
            writable=(partial, *devices(list(wanted))),
        )
        finished = bench.run(command, bounds=_bounds(film.plan, chunk), on_output=on_output)
        _require_hardware(finished, list(wanted))
        require_success(finished)
        for rung in wanted:
            _check(film.plan, chunk, rung, partial / _file(rung))
        for rung, file in wanted.items():
            (partial / _file(rung)).replace(file)
    return StageTime(wall=finished.wall, cpu=finished.cpu)


def arguments(film: Film, chunk: Chunk, rungs: Sequence[Rung], *, out: Path, pixels: int) -> Iterator[str]:
    """The ffmpeg command line that makes a chunk of some rungs in the folder `out`."""
    yield from pictures(film, chunk, rungs, pixels=pixels)
    for number, rung in enumerate(rungs):
        hdr10 = film.plan.video.hdr10
        options = video_options(rung, gop=film.plan.gop, threads=_threads(chunk), hdr10=hdr10)
        yield from ("-map", f"[v{number}]", *options, str(out / _file(rung)))


def pictures(film: Film, chunk: Chunk, rungs: Sequence[Rung], *, pixels: int) -> Iterator[str]:
    """The part of that command line that gives the pictures to encode, those of rung N as `[vN]`."""
    plan, threads = film.plan, _threads(chunk)
    yield from ("-nostdin", "-hide_banner", "-v", "error", "-nostats", "-progress", "pipe:1", "-y")
    if threads:
        yield from ("-threads", str(threads), "-filter_complex_threads", str(threads))
    yield from device_options(rungs)
    yield from input_options(CONTAINERS[plan.container], pixels=pixels)
    yield from ("-copyts", "-start_at_zero")
    if chunk.first:
        yield from ("-noaccurate_seek", "-ss", f"{_entrance(plan, chunk):.6f}")
    yield from ("-i", input_name(film.file), "-filter_complex", graph(plan, chunk, rungs))
    yield from ("-map_metadata", "-1", "-map_chapters", "-1")


def _threads(chunk: Chunk) -> int:
    """One for a chunk, because others are encoded beside it; as many as it likes (zero) for a whole film."""
    return 0 if chunk.is_whole_film else 1


def _entrance(plan: Plan, chunk: Chunk) -> float:
    """The time before which the decoder must start: it does so at the key frame before that."""
    lead = _LEAD_SECONDS if plan.video.interlaced else 0.0
    return max(0.0, plan.frame_rate.seconds(chunk.first) - lead)


def _file(rung: Rung) -> str:
    return f"{rung.name}.mp4"


def _bounds(plan: Plan, chunk: Chunk) -> Bounds:
    whole = plan.duration or 3600.0
    seconds = whole if chunk.frames is None else plan.frame_rate.seconds(chunk.frames)
    seconds *= len({rung.codec for rung in plan.rungs})
    ceiling = sum(rung.max_rate for rung in plan.rungs) / 8 * seconds * 2
    return Bounds(
        cpu=int(_LEAST_SECONDS + _CPU_PER_SECOND * seconds),
        wall=_LEAST_SECONDS + 4 * _CPU_PER_SECOND * seconds,
        file=int(ceiling) + (256 << 20),
    )


def _require_hardware(finished: Finished, rungs: Sequence[Rung]) -> None:
    """Raise if it failed where hardware is used: whether the film is to blame, software will tell."""
    used = sorted({f"{rung.codec}_{rung.engine}" for rung in rungs if rung.engine})
    if finished.code != 0 and used:
        raise HardwareUnusable(
            f"Encoding with {', '.join(used)} failed: {finished.ended_by or first_error(finished.errors)}.",
            field="video.hardware",
        )


def require_success(finished: Finished) -> None:
    """Raise unless a program that reads the film ended well."""
    if finished.code == 0:
        return
    if finished.ended_by:
        raise ProgramFailed(f"The encoder was stopped: {finished.ended_by}.")
    raise UnreadableMedia(
        f"The film could not be decoded: it is damaged. Export it again. ({first_error(finished.errors)})",
        field="file",
    )


def _check(plan: Plan, chunk: Chunk, rung: Rung, file: Path) -> None:
    """A chunk has the frames that it should have, and its key frames where every rung has them."""
    file.touch()  # where there is no picture the encoder may write no file
    track = mp4.read_track(file) if file.stat().st_size else None
    if track is None or not track.samples:
        file.write_bytes(b"")
        return
    expected = tuple(range(0, track.samples, plan.gop))
    whole = track.sync == expected and (chunk.frames is None or track.samples <= chunk.frames)
    if whole and set(mp4.read_openings(file)) == {Opening.KEY}:
        return
    if rung.engine:
        raise HardwareUnusable(f"{rung.codec}_{rung.engine} does not keep to the groups of pictures.")
    raise SetInvalid(f"A chunk of the rung {rung.name} does not have the frames that it should have.")


def join(plan: Plan, rung: Rung, files: Sequence[Path], *, out: Path, bench: Workbench) -> StageTime:
    """Join the chunks of a rung, in order, without encoding again; `out` is in a folder of its own."""
    files = [file for file in files if file.stat().st_size]
    if len(files) == 1:
        os.link(files[0], out)
        return _NOTHING
    if not files:
        return _NOTHING
    rate, timescale = plan.frame_rate, mp4.read_track(files[0]).timescale
    listing = out.with_suffix(".txt")
    listing.write_text("".join(f"file '{file.resolve()}'\n" for file in files), encoding="utf-8")
    frame = timescale * rate.denominator / rate.numerator
    finished = bench.must(
        Command(
            program=bench.tools.ffmpeg,
            arguments=(
                *("-nostdin", "-hide_banner", "-v", "error", "-y", "-protocol_whitelist", "file"),
                *(
                    "-f",
                    "concat",
                    "-safe",
                    "0",
                    "-i",
                    f"file:{listing.resolve()}",
                    "-map",
                    "0:v",
                    "-c",
                    "copy",
                ),
                # Each file's length is told in whole microseconds, so without this the times would drift.
                *("-bsf:v", f"setts=pts=round(PTS/{frame})*{frame}:dts=round(DTS/{frame})*{frame}"),
                *("-video_track_timescale", str(timescale), *tag_options(rung), str(out.resolve())),
            ),
            readable=(listing.resolve(), *(file.resolve() for file in files)),
            writable=(out.parent.resolve(),),
        ),
        bounds=Bounds(cpu=3600, wall=7200),
    )
    listing.unlink()
    return StageTime(wall=finished.wall, cpu=finished.cpu)
