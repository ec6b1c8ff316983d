"""The sizes that a ladder may choose from: those of the fixed ladder's shape, up to its largest."""

from itertools import pairwise
from math import exp, log

from vitascope.transcoding.pipeline.analysis.findings import Size
from vitascope.transcoding.pipeline.contracts import Rung

_LINES = (2160, 1440, 1080, 720, 540, 360, 234)
_SMALLEST_RATE = 100_000


def sizes_under(rungs: tuple[Rung, ...]) -> tuple[Size, ...]:
    """Sizes to try, largest first: the largest rung's own and the usual ones below it.

    The ceiling of each is that of the rung of its size, else lies between those of its neighbours.
    """
    top = rungs[0]
    whole = lines_of(top.width, top.height)
    below = [lines for lines in _LINES if lines < whole]
    return tuple(_size(lines, lines / whole, rungs) for lines in (whole, *below))


def lines_of(width: int, height: int) -> int:
    """The lines of the least box of 16:9 (9:16 for portrait) that holds a picture."""
    long, short = max(width, height), min(width, height)
    return max(short, round(long * 9 / 16))


def _size(lines: int, scale: float, rungs: tuple[Rung, ...]) -> Size:
    top = rungs[0]
    width, height = (max(2, round(side * scale / 2) * 2) for side in (top.width, top.height))
    neighbour = next((rung for rung in reversed(rungs) if rung.height >= height), rungs[0])
    rate = ceiling(width * height, rungs)
    return Size(
        width=width,
        height=height,
        lines=lines,
        profile=neighbour.profile,
        max_rate=rate,
        buffer=round(rate * top.buffer / top.max_rate),
    )


def ceiling(pixels: int, rungs: tuple[Rung, ...]) -> int:
    """The greatest rate for a picture of so many pixels, by a power law between two rungs."""
    known = [(rung.width * rung.height, rung.max_rate) for rung in reversed(rungs)]
    if pixels >= known[-1][0]:
        return known[-1][1]
    for (less, low), (more, high) in pairwise(known):
        if less <= pixels < more:
            part = log(pixels / less) / log(more / less)
            return round(exp(log(low) + part * log(high / low)))
    smallest, rate = known[0]
    return min(rate, max(_SMALLEST_RATE, round(rate * pixels / smallest)))
