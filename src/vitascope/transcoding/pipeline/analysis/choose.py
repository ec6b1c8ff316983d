"""Rungs at equal steps of quality, on the hull or as near to it as there is a point."""

from collections.abc import Sequence
from functools import partial

from vitascope.transcoding.pipeline.analysis.findings import Point, Size
from vitascope.transcoding.pipeline.analysis.hull import depth_below, frontier, upper_hull
from vitascope.transcoding.pipeline.contracts import Rung

CEILING = 95.0  # VMAF; above it, nearly nobody sees a difference to the source
FLOOR_RATE = 150_000  # bits per second; whoever has less cannot watch anyway
STEP = 10.0  # VMAF; about the least that a change of rung should bring
MOST = 6
LEAST = 40.0  # VMAF; a ladder that does not get above it is none
TOP_LINES = 720  # what looks perfect in fewer lines on the common screen may not on a larger one


def points(estimates: Sequence[Point], sizes: Sequence[Size]) -> tuple[Point, ...]:
    """The points to make rungs of, best first; none if nothing good stays under the ceiling of its size.

    None is beaten by another estimate, and of those near a step's quality the one nearest to the
    hull is taken. Sizes never grow, and rates always fall, from one to the next.
    """
    under = within(estimates, sizes)
    if not under:
        return ()
    top, hull, best = _top(under, sizes), upper_hull(under), frontier(under)
    if top.vmaf < LEAST:
        return ()
    chosen = [top]
    for target in _targets(top, best):
        candidates = [point for point in best if _is_below(point, chosen[-1])]
        if candidates:
            chosen.append(min(candidates, key=partial(_distance, hull, target)))
    return tuple(chosen)


def _distance(hull: Sequence[Point], target: float, point: Point) -> tuple[float, int]:
    return abs(point.vmaf - target) + depth_below(hull, point), point.rate


def within(estimates: Sequence[Point], sizes: Sequence[Size]) -> list[Point]:
    """The estimates that do not need more than the greatest rate of their size."""
    ceilings = {(size.width, size.height): size.max_rate for size in sizes}
    return [point for point in estimates if point.rate <= ceilings[point.size]]


def _top(under: Sequence[Point], sizes: Sequence[Size]) -> Point:
    """The cheapest point that reaches the ceiling, else the best one."""
    lines = {(size.width, size.height): size.lines for size in sizes}
    least = min(TOP_LINES, max(lines[point.size] for point in under))
    hull = upper_hull(point for point in under if lines[point.size] >= least)
    return next((point for point in hull if point.vmaf >= CEILING), hull[-1])


def _is_below(point: Point, other: Point) -> bool:
    return (
        point.rate < other.rate
        and point.vmaf < other.vmaf
        and point.width <= other.width
        and point.height <= other.height
    )


def _targets(top: Point, best: Sequence[Point]) -> list[float]:
    """The qualities of the rungs below the top: equal steps down to what the floor's rate gives."""
    floor = next((point for point in best if point.rate >= FLOOR_RATE), best[-1]).vmaf
    steps = min(MOST - 1, round((top.vmaf - floor) / STEP))
    return [top.vmaf + (floor - top.vmaf) * number / steps for number in range(1, steps + 1)]


def rungs(chosen: Sequence[Point], sizes: Sequence[Size]) -> tuple[Rung, ...]:
    """The rungs of points, with names of their own."""
    by_size = {(size.width, size.height): size for size in sizes}
    made: list[Rung] = []
    for point in chosen:
        size = by_size[point.size]
        plain = f"{size.lines}p"
        taken = any(rung.name == plain for rung in made)
        made.append(
            Rung(
                name=f"{plain}-{round(point.rate / 1000)}k" if taken else plain,
                width=point.width,
                height=point.height,
                profile=size.profile,
                crf=point.crf,
                max_rate=size.max_rate,
                buffer=size.buffer,
            )
        )
    return tuple(made)
