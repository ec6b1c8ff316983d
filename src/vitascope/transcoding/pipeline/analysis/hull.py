"""The upper convex hull of ways to encode, over the logarithm of the rate."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import log

from vitascope.transcoding.pipeline.analysis.findings import Point


def upper_hull(points: Iterable[Point]) -> tuple[Point, ...]:
    """The points that no mixture of others beats, lowest rate first; quality rises along it.

    Andrew's monotone chain (1979). Of equal rates the best is taken, of equal points the smallest.
    """
    hull: list[Point] = []
    for point in frontier(points):
        while len(hull) > 1 and _turn(hull[-2], hull[-1], point) >= 0:
            hull.pop()
        hull.append(point)
    return tuple(hull)


def frontier(points: Iterable[Point]) -> tuple[Point, ...]:
    """The points that no other beats: each better than all that cost as much or less."""
    best: list[Point] = []
    for point in sorted(points, key=lambda point: (point.rate, -point.vmaf, point.size, point.crf)):
        if not best or point.vmaf > best[-1].vmaf:
            best.append(point)
    return tuple(best)


def depth_below(hull: Sequence[Point], point: Point) -> float:
    """How much VMAF a point lacks to the hull at its rate; outside of the hull's rates, zero."""
    for one, other in pairwise(hull):
        if one.rate <= point.rate <= other.rate:
            part = log(point.rate / one.rate) / log(other.rate / one.rate)
            return one.vmaf + part * (other.vmaf - one.vmaf) - point.vmaf
    return 0.0


def _turn(one: Point, middle: Point, other: Point) -> float:
    """Above zero if the way from one to the other turns left at the middle, which lies below then."""
    ax, bx = log(middle.rate / one.rate), log(other.rate / one.rate)
    return ax * (other.vmaf - one.vmaf) - bx * (middle.vmaf - one.vmaf)
