"""Bits at equal quality: the Bjøntegaard delta rate.

G. Bjøntegaard, "Calculation of average PSNR differences between RD-curves", ITU-T VCEG-M33 (2001),
with piecewise cubic interpolation in place of one cubic through four points, as ITU-T HSTP-VID-WPOM
(2020) and JVET do: rate curves of any number of points, and no oscillation between them.
"""

from collections.abc import Sequence
from math import exp, log

from vitascope.transcoding.pipeline.analysis.curve import Curve

RatePoint = tuple[float, float]
"""Bits per second, and the quality that they give."""


def rate_ratio(one: Sequence[RatePoint], other: Sequence[RatePoint]) -> float:
    """The rate of `one` over that of `other`, averaged in logarithm over the qualities that both reach.

    A ladder of a single rung is compared at its quality. Raises ValueError if there is no such quality.
    """
    ours, theirs = _curve(one), _curve(other)
    low, high = max(ours[0], theirs[0]), min(ours[1], theirs[1])
    if low > high:
        raise ValueError(f"The two do not reach the same qualities: {ours[:2]} and {theirs[:2]}.")
    if low == high:  # one of them is a single point
        return exp(ours[2](low) - theirs[2](low))
    return exp((ours[2].area(low, high) - theirs[2].area(low, high)) / (high - low))


def _curve(points: Sequence[RatePoint]) -> tuple[float, float, Curve]:
    """The least and greatest quality, and the logarithm of the rate over the quality."""
    rising = frontier(points)
    qualities = [quality for _, quality in rising]
    return qualities[0], qualities[-1], Curve(qualities, [log(rate) for rate, _ in rising])


def frontier(points: Sequence[RatePoint]) -> list[RatePoint]:
    """The points that no other beats at the same or a lower rate, by rising rate."""
    best: list[RatePoint] = []
    for point in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or point[1] > best[-1][1]:
            best.append(point)
    return best
