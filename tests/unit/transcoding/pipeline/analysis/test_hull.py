from collections.abc import Callable, Iterable
from itertools import pairwise
from math import log

import pytest
from hypothesis import given
from tests.unit.transcoding.pipeline.analysis.made import points

from vitascope.transcoding.pipeline.analysis.findings import Point
from vitascope.transcoding.pipeline.analysis.hull import depth_below, frontier, upper_hull

Hull = Callable[[Iterable[Point]], tuple[Point, ...]]


def require_hull(made: list[Point], hull_of: Hull) -> None:
    """The hull is of the points, rises, bends to the right only, and nothing lies above it."""
    hull = hull_of(made)

    assert set(hull) <= set(made)
    assert all(one.rate < other.rate and one.vmaf < other.vmaf for one, other in pairwise(hull))
    slopes = [(b.vmaf - a.vmaf) / log(b.rate / a.rate) for a, b in pairwise(hull)]
    assert all(after < before + 1e-9 for before, after in pairwise(slopes))
    assert all(depth_below(hull, point) >= -1e-9 for point in made)
    assert max(point.vmaf for point in made) == hull[-1].vmaf
    assert hull_of(list(reversed(made))) == hull


class TestUpperHull:
    @given(points)
    def test_hull(self, made: list[Point]) -> None:
        """The hull is upper, concave, a subset, and the same in whatever order the points come."""
        require_hull(made, upper_hull)

    def test_beaten(self) -> None:
        """A point that others beat is not on the hull, nor is one that a mixture of two beats."""
        low, middle, beaten, top = (
            Point(640, 360, 30, rate, vmaf)
            for rate, vmaf in ((100_000, 20.0), (400_000, 40.0), (500_000, 30.0), (1_600_000, 80.0))
        )

        assert upper_hull([top, beaten, middle, low]) == (low, top)

    @pytest.mark.parametrize("wrong", [frontier, lambda made: tuple(sorted(made, key=lambda p: p.rate))])
    def test_planted_mistake(self, wrong: Hull) -> None:
        """The check catches a hull that keeps points which a mixture beats, or which any point beats."""
        made = [
            Point(640, 360, 30, rate, vmaf)
            for rate, vmaf in ((100, 20.0), (400, 30.0), (500, 25.0), (900, 80.0))
        ]

        with pytest.raises(AssertionError):
            require_hull(made, wrong)


class TestFrontier:
    @given(points)
    def test_unbeaten(self, made: list[Point]) -> None:
        """Every point is on the frontier, or one that is costs no more and is no worse."""
        best = frontier(made)

        for point in made:
            assert any(one.rate <= point.rate and one.vmaf >= point.vmaf for one in best)
        assert all(one.rate < other.rate and one.vmaf < other.vmaf for one, other in pairwise(best))


class TestDepth:
    def test_between(self) -> None:
        """Half way in the logarithm of the rate, the hull is half way in quality."""
        hull = (Point(640, 360, 30, 100, 20.0), Point(640, 360, 20, 10_000, 60.0))

        assert depth_below(hull, Point(640, 360, 25, 1_000, 35.0)) == pytest.approx(5.0)
        assert depth_below(hull, Point(640, 360, 25, 50_000, 35.0)) == 0.0
