"""A smooth curve through points that never turns where they do not.

Piecewise cubic Hermite interpolation with the slopes of F. N. Fritsch and J. Butland, "A method
for constructing local monotone piecewise cubic interpolants", SIAM J. Sci. Stat. Comput. 5 (1984).
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise


class Curve:
    """Interpolation through points of rising x; beyond them it goes on at its last value."""

    def __init__(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        if len(xs) != len(ys) or not xs or any(b <= a for a, b in pairwise(xs)):
            raise ValueError("A curve needs as many y as x, and each x above the one before.")
        self._xs, self._ys = tuple(xs), tuple(ys)
        self._slopes = _slopes(self._xs, self._ys)

    def __call__(self, x: float) -> float:
        """The y at this x."""
        xs, ys = self._xs, self._ys
        if x <= xs[0] or len(xs) == 1:
            return ys[0]
        if x >= xs[-1]:
            return ys[-1]
        at = bisect_right(xs, x) - 1
        width = xs[at + 1] - xs[at]
        return _cubic((x - xs[at]) / width, ys[at : at + 2], self._slopes[at : at + 2], width)

    def area(self, start: float, end: float) -> float:
        """The integral from start to end, exact: Simpson's rule on each cubic piece."""
        inner = [x for x in self._xs if start < x < end]
        return sum(
            (b - a) / 6 * (self(a) + 4 * self((a + b) / 2) + self(b))
            for a, b in pairwise([start, *inner, end])
        )


def _cubic(t: float, ys: Sequence[float], slopes: Sequence[float], width: float) -> float:
    rest = 1 - t
    return (
        (1 + 2 * t) * rest * rest * ys[0]
        + t * rest * rest * width * slopes[0]
        + t * t * (3 - 2 * t) * ys[1]
        - t * t * rest * width * slopes[1]
    )


def _slopes(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, ...]:
    widths = [b - a for a, b in pairwise(xs)]
    secants = [(b - a) / width for (a, b), width in zip(pairwise(ys), widths, strict=True)]
    if len(secants) < 2:
        return (secants[0],) * 2 if secants else (0.0,)
    inner = [
        _harmonic(before, after, left, right)
        for (before, after), (left, right) in zip(pairwise(secants), pairwise(widths), strict=True)
    ]
    first = _end(secants[0], secants[1], widths[0], widths[1])
    last = _end(secants[-1], secants[-2], widths[-1], widths[-2])
    return (first, *inner, last)


def _harmonic(before: float, after: float, left: float, right: float) -> float:
    """The weighted harmonic mean of two secants; zero where they turn."""
    if before * after <= 0:
        return 0.0
    one, other = 2 * right + left, right + 2 * left
    return (one + other) / (one / before + other / after)


def _end(near: float, far: float, width: float, next_width: float) -> float:
    """The slope at an end, by three points, kept from overshooting."""
    slope = ((2 * width + next_width) * near - width * far) / (width + next_width)
    if slope * near <= 0:
        return 0.0
    if near * far <= 0 and abs(slope) > 3 * abs(near):
        return 3 * near
    return slope
