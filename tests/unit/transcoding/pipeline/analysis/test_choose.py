from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from tests.unit.transcoding.pipeline.analysis.made import SIZES, film, films

from vitascope.transcoding.pipeline.analysis import choose
from vitascope.transcoding.pipeline.analysis.findings import Point, Size
from vitascope.transcoding.pipeline.analysis.hull import depth_below, frontier, upper_hull

Choice = Callable[[Sequence[Point], Sequence[Size]], Sequence[Point]]
CEILINGS = {(size.width, size.height): size.max_rate for size in SIZES}


def require_ladder(estimates: list[Point], choose_from: Choice) -> None:
    """Rungs fall in rate, quality and size, stay under their ceilings, and none is beaten."""
    chosen = choose_from(estimates, SIZES)

    assert len(chosen) <= choose.MOST
    assert set(chosen) <= set(estimates)
    for above, below in pairwise(chosen):
        assert below.rate < above.rate
        assert below.vmaf < above.vmaf
        assert below.width <= above.width
    assert all(point.rate <= CEILINGS[point.size] for point in chosen)
    under = [point for point in estimates if point.rate <= CEILINGS[point.size]]
    assert set(chosen[1:]) <= set(frontier(under))


def best_of_each_size(estimates: Sequence[Point], sizes: Sequence[Size]) -> list[Point]:
    """A plausible mistake: the best that stays under the ceiling, for each size, beaten or not."""
    under = choose.within(estimates, sizes)
    of_size = [[point for point in under if point.size == (size.width, size.height)] for size in sizes]
    return [max(points, key=lambda point: point.vmaf) for points in of_size if points]


class TestPoints:
    @given(films)
    def test_ladder(self, estimates: list[Point]) -> None:
        """Of any film, rungs fall strictly, stay under their ceilings, and no other point beats one."""
        require_ladder(estimates, choose.points)

    def test_planted_mistake(self) -> None:
        """The check catches a ladder of the best point of each size."""
        with pytest.raises(AssertionError):
            require_ladder(film(demand=3e6, sharpness=2.5), best_of_each_size)

    @pytest.mark.parametrize("demand", [1e6, 4e6, 9e6])
    def test_equal_steps(self, demand: float) -> None:
        """Each rung is about as much worse than the one above it as any other, and near the hull."""
        estimates = film(demand=demand)

        chosen = choose.points(estimates, SIZES)

        steps = [above.vmaf - below.vmaf for above, below in pairwise(chosen)]
        mean = sum(steps) / len(steps)
        assert steps == pytest.approx([mean] * len(steps), abs=4.5)
        hull = upper_hull(choose.within(estimates, SIZES))
        assert all(depth_below(hull, point) < 1.5 for point in chosen)

    def test_easy_film(self) -> None:
        """An easy film gets few rungs, and no more quality than anybody sees."""
        chosen = choose.points(film(demand=150_000, sharpness=0.2), SIZES)

        assert len(chosen) <= 2
        assert choose.CEILING <= chosen[0].vmaf < choose.CEILING + 1.5

    def test_black_film(self) -> None:
        """Where nothing makes a difference, there is one rung, of a size that suits a large screen."""
        black = [
            Point(size.width, size.height, crf, 50 + 37 - crf, 97.4) for size in SIZES for crf in (20, 28, 37)
        ]

        (only,) = choose.points(black, SIZES)

        assert only == Point(1280, 720, 37, 50, 97.4)

    def test_noise(self) -> None:
        """A film that looks bad under every ceiling gets no ladder of its own."""
        assert choose.points(film(demand=1e9), SIZES) == ()

    def test_floor(self) -> None:
        """The lowest rung costs about what the slowest connection has."""
        chosen = choose.points(film(demand=6e6), SIZES)

        assert choose.FLOOR_RATE <= chosen[-1].rate < 1.5 * choose.FLOOR_RATE


class TestRungs:
    def test_names(self) -> None:
        """The best rung of a size has the plain name; the others tell their rate as well."""
        points = [Point(1280, 720, 21, 2_000_000, 95.0), Point(1280, 720, 27, 801_400, 85.0)]

        best, other = choose.rungs([*points], SIZES)

        assert (best.name, best.crf, best.max_rate) == ("720p", 21, 2_800_000)
        assert (other.name, other.crf) == ("720p-801k", 27)
