"""A histogram for the hottest path: one list index and two additions for each observation.

prometheus_client's own takes a lock for each of three values, which is five times the time. Here
the event loop's thread is the only writer; a scrape reads whatever is there.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from vitascope.foundation.telemetry.metrics import DEFAULT_CAP, OVERFLOW, SECONDS


class Durations(Collector):
    """Seconds by labels, in buckets; at most `cap` combinations of labels, the rest under `other`."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        *,
        registry: CollectorRegistry,
        cap: int = DEFAULT_CAP,
    ) -> None:
        self._name, self._documentation, self._labels = name, documentation, labels
        self._cap = cap
        self._overflow = (OVERFLOW,) * len(labels)
        self._series: dict[tuple[str, ...], list[float]] = {}  # a count for each bucket, and the sum
        registry.register(self)

    def observe(self, labels: tuple[str, ...], seconds: float) -> None:
        """Count one duration."""
        series = self._series.get(labels)
        if series is None:
            series = self._new(labels)
        series[bisect_left(SECONDS, seconds)] += 1
        series[-1] += seconds

    def describe(self) -> Iterator[Metric]:
        """The metric without its values, so that its name is taken."""
        yield HistogramMetricFamily(self._name, self._documentation, labels=self._labels)

    def collect(self) -> Iterator[Metric]:
        """The metric as a scrape sees it, with cumulative buckets."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, series in list(self._series.items()):
            *counts, total = series
            buckets, running = [], 0.0
            for bound, count in zip((*map(str, SECONDS), "+Inf"), counts, strict=True):
                running += count
                buckets.append((bound, running))
            family.add_metric(labels, buckets, total)
        yield family

    def _new(self, labels: tuple[str, ...]) -> list[float]:
        if len(self._series) >= self._cap:
            labels = self._overflow
        return self._series.setdefault(labels, [0.0] * (len(SECONDS) + 2))
