import pytest

from vitascope.foundation.telemetry.durations import Durations
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


class TestDurations:
    def test_same_as_the_librarys(self) -> None:
        """The fast histogram tells exactly what prometheus_client's own would."""
        metrics, reference = Metrics(), Metrics()
        durations = Durations("t_seconds", "T.", ("a", "b"), registry=metrics.registry)
        histogram = reference.histogram("t_seconds", "T.", ("a", "b"))
        for number, seconds in enumerate([0.0, 0.005, 0.0051, 0.3, 10.0, 99.0]):
            durations.observe(("x", str(number % 2)), seconds)
            histogram.labels("x", str(number % 2)).observe(seconds)

        assert _samples(metrics) == _samples(reference)

    def test_cap(self) -> None:
        """Past the cap, durations are counted together and no count is lost."""
        metrics = Metrics()
        durations = Durations("t_seconds", "T.", ("a",), registry=metrics.registry, cap=2)

        for number in range(100):
            durations.observe((str(number),), 0.1)

        assert f't_seconds_count{{a="{OVERFLOW}"}} 98.0' in _samples(metrics)

    def test_name_is_taken(self) -> None:
        """A second metric of the same name is refused."""
        metrics = Metrics()
        Durations("t_seconds", "T.", ("a",), registry=metrics.registry)

        with pytest.raises(ValueError, match="Duplicated"):
            metrics.histogram("t_seconds", "T.", ("a",))


def _samples(metrics: Metrics) -> list[str]:
    lines = metrics.exposition().decode().splitlines()
    return sorted(line for line in lines if not line.startswith("#") and "_created" not in line)
