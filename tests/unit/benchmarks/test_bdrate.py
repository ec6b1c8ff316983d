from math import exp, log

import pytest
from benchmarks.bdrate import RatePoint, frontier, rate_ratio
from hypothesis import given
from hypothesis import strategies as st

LADDER = [(150e3, 42.0), (400e3, 63.5), (900e3, 78.0), (2e6, 89.0), (5e6, 95.5)]


def climb(steps: list[tuple[float, float]]) -> list[RatePoint]:
    """A ladder of these ratios of rates and these gains of quality."""
    points = [(100e3, 20.0)]
    for ratio, gain in steps:
        points.append((points[-1][0] * ratio, points[-1][1] + gain))
    return points


ladders = st.lists(st.tuples(st.floats(1.05, 4.0), st.floats(0.5, 15.0)), min_size=2, max_size=8).map(climb)


def mean_of_ratios(one: list[RatePoint], other: list[RatePoint]) -> float:
    """A plausible mistake: the ratio of the mean rates, wherever their qualities lie."""
    return exp(
        sum(log(rate) for rate, _ in one) / len(one) - sum(log(rate) for rate, _ in other) / len(other)
    )


class TestRateRatio:
    @given(ladders)
    def test_same(self, ladder: list[RatePoint]) -> None:
        """A ladder needs exactly its own bits."""
        assert rate_ratio(ladder, ladder) == pytest.approx(1.0)

    @given(ladders, st.floats(0.1, 10.0))
    def test_scaled(self, ladder: list[RatePoint], factor: float) -> None:
        """Where every rung has so many times the bits for the same quality, so has the whole."""
        scaled = [(rate * factor, quality) for rate, quality in ladder]

        assert rate_ratio(scaled, ladder) == pytest.approx(factor)

    @given(ladders, ladders)
    def test_other_way_round(self, one: list[RatePoint], other: list[RatePoint]) -> None:
        """What one saves over the other, the other wastes over the one."""
        assert rate_ratio(one, other) * rate_ratio(other, one) == pytest.approx(1.0)

    def test_straight_lines(self) -> None:
        """Between two points, the logarithm of the rate is a straight line in quality."""
        cheap, dear = [(1e6, 50.0), (4e6, 90.0)], [(2e6, 50.0), (16e6, 90.0)]

        # The logarithms differ by log 2 at the lower end and by log 4 at the upper one.
        assert rate_ratio(cheap, dear) == pytest.approx(1 / 8**0.5)

    def test_single_rung(self) -> None:
        """A ladder of one rung is compared at the quality that it has."""
        between = [(1e6, 40.0), (4e6, 60.0)]

        assert rate_ratio([(1e6, 50.0)], between) == pytest.approx(0.5)
        assert rate_ratio(between, [(1e6, 50.0)]) == pytest.approx(2.0)

    def test_only_where_both_are(self) -> None:
        """Only qualities that both reach count: rungs above and below change nothing."""
        longer = [(10e3, 5.0), *LADDER, (50e6, 99.9)]
        halved = [(rate / 2, quality) for rate, quality in LADDER]

        assert rate_ratio(halved, longer) == pytest.approx(0.5, abs=0.02)

    def test_planted_mistake(self) -> None:
        """The check with more rungs would catch a mean that forgets to compare at equal quality."""
        longer = [*LADDER, (50e6, 99.9)]
        halved = [(rate / 2, quality) for rate, quality in LADDER]

        assert mean_of_ratios(halved, longer) != pytest.approx(0.5, abs=0.1)

    def test_worse_rungs(self) -> None:
        """A rung that costs more than a better one is left out."""
        assert rate_ratio([*LADDER, (1e6, 60.0)], LADDER) == pytest.approx(1.0)

    def test_nothing_in_common(self) -> None:
        """Two ladders without a quality in common cannot be compared."""
        with pytest.raises(ValueError, match="same qualities"):
            rate_ratio([(1e5, 10.0), (2e5, 20.0)], [(1e5, 50.0), (2e5, 60.0)])


class TestFrontier:
    def test_best(self) -> None:
        """Of equal rates the best stays, and of rising rates only what is better."""
        assert frontier([(3, 5.0), (1, 2.0), (2, 1.0), (3, 4.0)]) == [(1, 2.0), (3, 5.0)]
