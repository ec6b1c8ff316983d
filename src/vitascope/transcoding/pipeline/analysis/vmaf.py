"""VMAF of encoded pictures against a reel, at one common size.

Z. Li et al., "Toward a practical perceptual video quality metric", Netflix 2016; libvmaf in ffmpeg.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from vitascope.foundation.errors import VitascopeError
from vitascope.transcoding.pipeline.analysis.reel import Reel
from vitascope.transcoding.pipeline.contracts import ProgramFailed, ProgramMissing
from vitascope.transcoding.pipeline.probe import input_name
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command, Finished
from vitascope.transcoding.pipeline.workbench import Workbench, first_error

MODEL = "vmaf_v0.6.1"
_LEAST_SIDE = 192  # pixels: below it, the coarsest scale of the metric has nothing left to see
_AT_ONCE = 6  # encodings in one process: each needs about 100 MB at 1080p
_WITH_NEIGHBOURS = 3  # frames: one, that before it, and that after it
_BOUNDS = Bounds(cpu=7200, wall=14400)


class Encoding(Struct, frozen=True, kw_only=True):
    """An encoded film to score, and the second at which its first picture of the reel is shown."""

    file: Path
    start: float = 0.0


def common_size(width: int, height: int) -> tuple[int, int]:
    """The size at which a film of this size is compared: its own, or several times that if tiny."""
    times = -(-_LEAST_SIDE // min(width, height))
    return width * times, height * times


def score(
    reel: Reel,
    encodings: Sequence[Encoding],
    *,
    size: tuple[int, int],
    every: int,
    folder: Path,
    bench: Workbench,
) -> tuple[tuple[tuple[float, ...], ...], float]:
    """VMAF of every n-th frame of each encoding, compared at `size`; also the CPU seconds."""
    scores: list[tuple[float, ...]] = []
    cpu = 0.0
    for start in range(0, len(encodings), _AT_ONCE):
        some = encodings[start : start + _AT_ONCE]
        command = Command(
            program=bench.tools.ffmpeg,
            arguments=tuple(_arguments(reel, some, size=size, every=every)),
            readable=(reel.file, *(encoding.file for encoding in some)),
            writable=(folder,),
            folder=folder,
        )
        finished = bench.run(command, bounds=_BOUNDS)
        if finished.code != 0:
            raise _failed(finished)
        cpu += finished.cpu
        scores += [_read(folder / _log(number)) for number in range(len(some))]
    return tuple(scores), cpu


def _failed(finished: Finished) -> VitascopeError:
    if "No such filter" in finished.errors:
        return ProgramMissing(
            "This ffmpeg cannot measure VMAF, which an own ladder needs. Unset VITASCOPE_FFMPEG, "
            "or name one that was built with libvmaf.",
            field="VITASCOPE_FFMPEG",
        )
    return ProgramFailed(f"VMAF failed: {finished.ended_by or first_error(finished.errors)}")


def _log(number: int) -> str:
    return f"vmaf-{number}.json"


def _arguments(
    reel: Reel, encodings: Sequence[Encoding], *, size: tuple[int, int], every: int
) -> Iterator[str]:
    yield from ("-nostdin", "-hide_banner", "-v", "error", *reel.as_input())
    for encoding in encodings:
        seek = ("-ss", f"{encoding.start:.6f}") if encoding.start > 0 else ()
        yield from ("-protocol_whitelist", "file", "-f", "mov", "-threads", "1", *seek)
        yield from ("-i", input_name(encoding.file))
    yield from ("-filter_complex", ";".join(_graph(reel, len(encodings), size=size, every=every)))
    for number in range(len(encodings)):
        yield from ("-map", f"[s{number}]")
    yield from ("-f", "null", "-")


def _graph(reel: Reel, count: int, *, size: tuple[int, int], every: int) -> Iterator[str]:
    rate = reel.frame_rate
    some, every = _neighbours(every)
    # Frame against frame, whatever the containers say of their times.
    alike = (
        f"trim=end_frame={reel.frames},{some}"
        f"settb=AVTB,setpts=N*{rate.denominator}/{rate.numerator}/TB,"
        f"scale={size[0]}:{size[1]}:flags=bicubic,format=yuv420p,setsar=1"
    )
    references = "".join(f"[r{number}]" for number in range(count))
    yield f"[0:v]{alike},split={count}{references}"
    options = f"model=version\\={MODEL}:n_subsample={every}:n_threads=1:log_fmt=json"
    for number in range(count):
        yield f"[{number + 1}:v]{alike}[d{number}]"
        yield f"[d{number}][r{number}]libvmaf={options}:log_path={_log(number)}:shortest=1[s{number}]"


def _neighbours(every: int) -> tuple[str, int]:
    """A filter that passes what is needed to score every n-th frame, and which of these to score.

    The metric also looks at the motion from the frame before and to the one after, and at no other.
    """
    if every <= _WITH_NEIGHBOURS:
        return "", every
    return f"select='lt(mod(n+1,{every}),{_WITH_NEIGHBOURS})',", _WITH_NEIGHBOURS


def _read(log: Path) -> tuple[float, ...]:
    report: dict[str, Any] = msgspec.json.decode(log.read_bytes())
    scores = tuple(float(frame["metrics"]["vmaf"]) for frame in report["frames"])
    if not scores:
        raise ProgramFailed("VMAF compared no frame.")
    return scores
