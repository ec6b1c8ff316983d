import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitascope.transcoding.pipeline.analysis.measure import pooled


class TestPooled:
    def test_numbers(self) -> None:
        """A few bad frames show in the harmonic mean, and more in the first percentile."""
        quality = pooled([90.0] * 98 + [20.0, 10.0])

        assert quality.mean == pytest.approx(88.5)
        assert quality.harmonic_mean == pytest.approx(100 / (98 / 91 + 1 / 21 + 1 / 11) - 1, abs=0.01)
        assert quality.first_percentile == pytest.approx(19.9)
        assert quality.frames == 100

    @given(st.lists(st.floats(0, 100), min_size=1, max_size=50))
    def test_order(self, scores: list[float]) -> None:
        """The harmonic mean is never above the mean, and all lie within the scores."""
        quality = pooled(scores)

        assert quality.harmonic_mean <= quality.mean + 0.01
        assert min(scores) - 0.01 <= quality.first_percentile <= max(scores) + 0.01
