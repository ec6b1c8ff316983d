import pytest

from vitascope.foundation.telemetry.metrics import OVERFLOW, Metrics


class TestCap:
    def test_labels_past_the_cap_are_counted_together(self) -> None:
        """However many labels come, the series stay bounded and no count is lost."""
        metrics = Metrics()
        counter = metrics.counter("plays", "Plays by title.", ("title",), cap=3)

        for number in range(1000):
            counter.labels(str(number)).inc()

        lines = [
            line for line in metrics.exposition().decode().splitlines() if line.startswith("plays_total")
        ]
        assert len(lines) == 4
        assert f'plays_total{{title="{OVERFLOW}"}} 997.0' in lines

    def test_overflow_does_not_grow_memory(self) -> None:
        """Labels past the cap are not remembered either."""
        counter = Metrics().counter("plays", "Plays by title.", ("title",), cap=3)

        for number in range(1000):
            counter.labels(str(number)).inc()

        assert len(counter._children) == 3

    def test_without_labels(self) -> None:
        """A metric without labels is one series, and refuses labels."""
        gauge = Metrics().gauge("viewers", "Watching now.")

        gauge.labels().set(3)

        with pytest.raises(ValueError, match="no labels"):
            gauge.labels("x")
