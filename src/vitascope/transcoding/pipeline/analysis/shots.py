"""Which short windows of a film stand for all of it.

The sizes of the source's own packets tell where it is easy and where it is hard: whoever encoded
it has measured that already. Reading them decodes nothing.
"""

from collections.abc import Sequence

from vitascope.transcoding.pipeline.analysis.findings import Window
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.probe import input_name, input_options
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command
from vitascope.transcoding.pipeline.sniff import CONTAINERS
from vitascope.transcoding.pipeline.workbench import Workbench

FRAMES = 16  # of a window: x264's look-ahead in `veryfast` is ten
_SHARE = 0.03  # of the film's frames that are looked at
_FEWEST, _MOST = 3, 16
_BOUNDS = Bounds(cpu=900, wall=3600)


class Packets:
    """Gathers the bytes of a track's packets by the window in which they are shown."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._rest = b""
        self._seen: list[tuple[float, int]] = []

    def __call__(self, data: bytes) -> None:
        """Take the next bytes of ffprobe's output: lines of `pts_time,size`."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            time, _, size = line.decode(errors="replace").strip(",\r ").partition(",")
            if _is_number(time) and size.isdecimal():
                self._seen.append((float(time), int(size)))

    def by_window(self) -> list[int]:
        """Bytes in each window, from the first packet on; windows without any count zero."""
        if not self._seen:
            return []
        start = min(time for time, _ in self._seen)
        numbers = [(int((time - start) / self._seconds + 1e-6), size) for time, size in self._seen]
        totals = [0] * (max(number for number, _ in numbers) + 1)
        for number, size in numbers:
            totals[number] += size
        return totals


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdecimal()


def find(film: Film, *, bench: Workbench) -> tuple[tuple[Window, ...], float]:
    """Windows of a film in their order, and the CPU seconds that it took to find them."""
    plan = film.plan
    gather = Packets(plan.frame_rate.seconds(FRAMES))
    finished = bench.run(
        Command(
            program=bench.tools.ffprobe,
            arguments=(
                *("-v", "error", *input_options(CONTAINERS[plan.container], pixels=bench.limits.pixels)),
                *("-select_streams", str(plan.video.index), "-show_entries", "packet=pts_time,size"),
                *("-of", "csv=p=0", input_name(film.file)),
            ),
            readable=(film.file.resolve(),),
        ),
        bounds=_BOUNDS,
        on_output=gather,
    )
    chosen = choose(gather.by_window() or [0])
    return tuple(Window(number * FRAMES, FRAMES) for number in chosen), finished.cpu


def choose(loads: Sequence[int]) -> list[int]:
    """The numbers of the windows that stand for all, rising.

    All windows are ranked by their load and cut into equal classes; one is taken of the middle of
    each class, the one that is farthest in time from those already taken.
    """
    # The last window is rarely whole; it counts only if there is no other.
    whole = range(max(1, len(loads) - 1))
    wanted = min(len(whole), max(_FEWEST, min(_MOST, round(len(loads) * _SHARE))))
    ranked = sorted(whole, key=lambda number: (loads[number], number))
    taken: list[int] = []
    for number in range(wanted):
        members = ranked[number * len(ranked) // wanted : (number + 1) * len(ranked) // wanted]
        taken.append(_farthest(_middle(members), taken))
    return sorted(taken)


def _middle(members: Sequence[int]) -> Sequence[int]:
    third = len(members) // 3
    return members[third : len(members) - third]


def _farthest(candidates: Sequence[int], taken: Sequence[int]) -> int:
    middle = len(candidates) // 2
    if not taken:
        return candidates[middle]
    return max(candidates, key=lambda number: (min(abs(number - other) for other in taken), -number))
