"""Where the key frames of a source are, read from its packets without decoding any."""

from collections.abc import Callable

from vitascope.transcoding.pipeline.chunks import SPLITTABLE, Cutter
from vitascope.transcoding.pipeline.contracts import WHOLE_FILM, Chunk
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.outcome import StageTime
from vitascope.transcoding.pipeline.probe import input_name, input_options
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command, Finished
from vitascope.transcoding.pipeline.sniff import CONTAINERS
from vitascope.transcoding.pipeline.workbench import Workbench

_BOUNDS = Bounds(cpu=1800, wall=7200)


def cut(film: Film, *, found: Callable[[Chunk], None], bench: Workbench) -> StageTime:
    """Cut a film; `found` is given each chunk in order as soon as it is known, while the rest is read.

    A film whose container does not say reliably where it can be entered is one chunk.
    """
    plan = film.plan
    if plan.container not in SPLITTABLE:
        found(WHOLE_FILM)
        return StageTime(wall=0.0, cpu=0.0)
    cutter = Cutter(plan, found)
    reader = _PacketReader(cutter, start=plan.start)
    finished = _read_packets(film, on_output=reader, bench=bench)
    # What cannot be read to its end is told by the encoder, in better words.
    cutter.finish(reader.end)
    return StageTime(wall=finished.wall, cpu=finished.cpu)


def _read_packets(film: Film, *, on_output: Callable[[bytes], None], bench: Workbench) -> Finished:
    container, track = CONTAINERS[film.plan.container], film.plan.video.index
    command = Command(
        program=bench.tools.ffprobe,
        arguments=(
            *("-v", "quiet", *input_options(container, pixels=bench.limits.pixels)),
            *("-select_streams", str(track), "-show_entries", "packet=pts_time,duration_time,flags"),
            *("-of", "csv=p=0", input_name(film.file)),
        ),
        readable=(film.file.resolve(),),
    )
    return bench.run(command, bounds=_BOUNDS, on_output=on_output)


class _PacketReader:
    """Reads lines of `pts,duration,flags`; `end` is when the last picture ends."""

    def __init__(self, cutter: Cutter, *, start: float) -> None:
        self._cutter, self._start = cutter, start
        self._rest = b""
        self.end = 0.0

    def __call__(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._read(line)

    def _read(self, line: bytes) -> None:
        time, duration, flags, *_ = *line.split(b","), b"", b"", b""
        try:
            seconds = float(time) - self._start
        except ValueError:
            return  # a packet without a time
        self.end = max(self.end, seconds + _seconds(duration))
        if flags.startswith(b"K"):
            self._cutter.key_frame(seconds)


def _seconds(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
