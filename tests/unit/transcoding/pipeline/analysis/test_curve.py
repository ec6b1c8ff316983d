from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitascope.transcoding.pipeline.analysis.curve import Curve

steps = st.lists(st.tuples(st.floats(0.1, 20), st.floats(0, 20)), min_size=1, max_size=8)


def climb(made: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Points that never fall, from these steps."""
    xs = list(accumulate((step for step, _ in made), initial=0.0))
    ys = list(accumulate((step for _, step in made), initial=0.0))
    return xs, ys


class TestCurve:
    @given(steps)
    def test_through_points(self, made: list[tuple[float, float]]) -> None:
        """The curve goes through every point."""
        xs, ys = climb(made)

        curve = Curve(xs, ys)

        assert [curve(x) for x in xs] == pytest.approx(ys)

    @given(steps)
    def test_no_turn(self, made: list[tuple[float, float]]) -> None:
        """Through points that never fall goes a curve that never falls."""
        xs, ys = climb(made)

        curve = Curve(xs, ys)

        seen = [curve(xs[-1] * part / 200) for part in range(201)]
        assert all(after >= before - 1e-9 for before, after in pairwise(seen))

    @given(steps)
    def test_area(self, made: list[tuple[float, float]]) -> None:
        """The area is that of many thin slices."""
        xs, ys = climb(made)
        curve, slices = Curve(xs, ys), 500

        area = curve.area(xs[0], xs[-1])

        width = (xs[-1] - xs[0]) / slices
        sliced = sum(curve(xs[0] + (number + 0.5) * width) * width for number in range(slices))
        assert area == pytest.approx(sliced, rel=5e-3, abs=5e-3)

    def test_line(self) -> None:
        """Points on a straight line make a straight line, beyond which the last value holds."""
        curve = Curve([0, 1, 3], [0, 2, 6])

        assert [curve(x) for x in (-1, 0.5, 2, 9)] == pytest.approx([0, 1, 4, 6])

    def test_single_point(self) -> None:
        """One point makes a constant."""
        assert Curve([2], [5])(7) == 5

    @pytest.mark.parametrize(("xs", "ys"), [([], []), ([1, 1], [2, 3]), ([2, 1], [2, 3]), ([1, 2], [1])])
    def test_no_curve(self, xs: list[float], ys: list[float]) -> None:
        """Points that do not rise in x, or are not pairs, are refused."""
        with pytest.raises(ValueError, match="each x above"):
            Curve(xs, ys)
