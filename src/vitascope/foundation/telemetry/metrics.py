"""Prometheus metrics whose labels cannot run away.

Each metric holds at most `cap` combinations of labels; whatever comes after is counted under
`other`. (500 histogram series cost 68 ms a scrape: cardinality is what hurts.)
"""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0
from prometheus_client.metrics import MetricWrapperBase

DEFAULT_CAP = 200
OVERFLOW = "other"
CONTENT_TYPE = CONTENT_TYPE_PLAIN_1_0_0
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

M = TypeVar("M", bound=MetricWrapperBase)


class Capped(Generic[M]):
    """A metric that keeps at most `cap` combinations of labels."""

    def __init__(self, metric: M, *, width: int, cap: int) -> None:
        self._metric = metric
        self._cap = cap
        self._overflow = (OVERFLOW,) * width
        self._children: dict[tuple[str, ...], M] = {}

    def labels(self, *values: str) -> M:
        """The series of these labels, in the order of their declaration; past the cap, the shared one."""
        child = self._children.get(values)
        return child if child is not None else self._new(values)

    def _new(self, values: tuple[str, ...]) -> M:
        if len(self._children) >= self._cap:
            return self._metric.labels(*self._overflow)
        return self._children.setdefault(values, self._metric.labels(*values))


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry if registry is not None else CollectorRegistry(auto_describe=True)

    def counter(
        self, name: str, documentation: str, labels: Sequence[str] = (), *, cap: int = DEFAULT_CAP
    ) -> Capped[Counter]:
        """A number that only grows."""
        metric = Counter(name, documentation, labels, registry=self.registry)
        return _capped(metric, labels, cap)

    def gauge(
        self, name: str, documentation: str, labels: Sequence[str] = (), *, cap: int = DEFAULT_CAP
    ) -> Capped[Gauge]:
        """A number that goes up and down."""
        metric = Gauge(name, documentation, labels, registry=self.registry)
        return _capped(metric, labels, cap)

    def histogram(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str] = (),
        *,
        buckets: Sequence[float] = SECONDS,
        cap: int = DEFAULT_CAP,
    ) -> Capped[Histogram]:
        """How a quantity is spread, in seconds unless the buckets say otherwise."""
        metric = Histogram(name, documentation, labels, buckets=buckets, registry=self.registry)
        return _capped(metric, labels, cap)

    def exposition(self) -> bytes:
        """Everything, as Prometheus scrapes it."""
        return generate_latest(self.registry)


class _Unlabelled(Capped[Any]):
    """A metric without labels is its own only series."""

    def labels(self, *values: str) -> Any:
        if values:
            raise ValueError(f"this metric has no labels, but got {values}")
        return self._metric


def _capped(metric: M, labels: Sequence[str], cap: int) -> Capped[M]:
    kind = Capped if labels else _Unlabelled
    return kind(metric, width=len(labels), cap=cap)
