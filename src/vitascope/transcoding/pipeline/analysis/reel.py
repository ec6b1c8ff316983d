"""The frames of a film's windows, one after the other in one file, as every encoder would get them.

The reel is H.264 without loss and without a container: such streams are joined by joining their bytes.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from vitascope.transcoding.pipeline.analysis.findings import Window
from vitascope.transcoding.pipeline.chunks import SPLITTABLE
from vitascope.transcoding.pipeline.contracts import Chunk, Rate, UnreadableMedia
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.filters import graph
from vitascope.transcoding.pipeline.probe import input_name, input_options
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command
from vitascope.transcoding.pipeline.sniff import CONTAINERS
from vitascope.transcoding.pipeline.workbench import Workbench

_BOUNDS = Bounds(cpu=900, wall=3600)
# Seconds before a window from which the film is read: where the rate varies its first picture may stand
# there, and where key frames are found by guessing the decoder must come to one first.
_RUN_UP, _LONG_RUN_UP = 1.0, 12.0


class Reel(Struct, frozen=True, kw_only=True):
    """A reel, its rate, and how many frames it has of each window, which may end with the film."""

    file: Path
    frame_rate: Rate
    windows: tuple[Window, ...]

    @property
    def frames(self) -> int:
        """All its frames."""
        return sum(window.frames for window in self.windows)

    def as_input(self) -> tuple[str, ...]:
        """The ffmpeg options that open it."""
        return (
            *("-protocol_whitelist", "file", "-framerate", str(self.frame_rate)),
            *("-f", "h264", "-threads", "1", "-i", input_name(self.file)),
        )


def cut(film: Film, windows: Sequence[Window], *, folder: Path, bench: Workbench) -> tuple[Reel, float]:
    """Decode windows of a film into `folder`, at the size of the plan's largest rung; also CPU seconds.

    Windows that cannot be decoded are left out; raises UnreadableMedia if none can.
    """
    file, piece = folder / "reel.h264", folder / "piece.h264"
    cut_out, cpu = [], 0.0
    with file.open("wb") as reel:
        for window in windows:
            frames, spent = _piece(film, window, piece=piece, bench=bench)
            cpu += spent
            if frames:
                reel.write(piece.read_bytes())
                cut_out.append(Window(window.first, frames))
    piece.unlink(missing_ok=True)
    if not cut_out:
        raise UnreadableMedia("Not one picture of the film could be decoded: it is damaged.", field="file")
    return Reel(file=file, frame_rate=film.plan.frame_rate, windows=tuple(cut_out)), cpu


def _piece(film: Film, window: Window, *, piece: Path, bench: Workbench) -> tuple[int, float]:
    """How many frames of a window could be decoded, and the CPU seconds it took."""
    finished = bench.run(
        Command(
            program=bench.tools.ffmpeg,
            arguments=tuple(_arguments(film, window, piece, pixels=bench.limits.pixels)),
            readable=(film.file.resolve(),),
            writable=(piece.parent,),
        ),
        bounds=_BOUNDS,
    )
    counted = [line for line in finished.output.decode().splitlines() if line.startswith("frame=")]
    return int(counted[-1].partition("=")[2]) if finished.code == 0 and counted else 0, finished.cpu


def _arguments(film: Film, window: Window, piece: Path, *, pixels: int) -> Iterator[str]:
    plan = film.plan
    start = plan.frame_rate.seconds(window.first)
    run_up = _RUN_UP if plan.container in SPLITTABLE else _LONG_RUN_UP
    yield from ("-nostdin", "-hide_banner", "-v", "error", "-nostats", "-progress", "pipe:1", "-y")
    yield from input_options(CONTAINERS[plan.container], pixels=pixels)
    # Times stay those of the film, so that the frames are the very ones that the encoder gets.
    yield from ("-copyts", "-start_at_zero")
    if start > run_up:
        yield from ("-noaccurate_seek", "-ss", f"{start - run_up:.6f}")
    chunk = Chunk(number=0, first=window.first, frames=window.frames)
    yield from (
        "-i",
        input_name(film.file),
        "-filter_complex",
        graph(plan, chunk, [replace(plan.rungs[0], engine=None)]),
    )
    yield from ("-map", "[v0]", "-frames:v", str(window.frames))
    yield from ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-threads", "1", "-f", "h264")
    yield str(piece)
