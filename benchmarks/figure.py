"""A figure: what was measured, against what, and whether that is good enough."""

import operator
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from vitascope import __version__

RUNS = 5
_RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">=": operator.ge,
}


class Target(Struct, frozen=True):
    """What a figure has to reach: its value or its ratio, less than, at most or at least this much."""

    measure: Literal["value", "ratio"]
    relation: Literal["<", "<=", ">="]
    bound: float

    def met_by(self, measured: float) -> bool:
        """Whether this much is good enough."""
        return _RELATIONS[self.relation](measured, self.bound)

    def __str__(self) -> str:
        return f"{self.measure} {self.relation} {self.bound:g}"


class Figure(Struct, frozen=True, kw_only=True):
    """One line of `python -m benchmarks`; `ratio` is value over against_value."""

    name: str
    value: float
    unit: str
    target: Target
    against: str | None = None
    against_value: float | None = None
    versions: Mapping[str, str] = {}

    @property
    def ratio(self) -> float | None:
        """The value over that of the peer or limit, if there is one."""
        return self.value / self.against_value if self.against_value else None

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        measured = self.value if self.target.measure == "value" else self.ratio
        return measured is not None and self.target.met_by(measured)

    def line(self) -> str:
        """The figure as one JSON object."""
        return msgspec.json.encode(
            {
                "name": self.name,
                "value": _rounded(self.value),
                "unit": self.unit,
                "against": self.against,
                "against_value": _rounded(self.against_value),
                "ratio": _rounded(self.ratio),
                "target": str(self.target),
                "met": self.met,
                "versions": {
                    "vitascope": __version__,
                    "python": platform.python_version(),
                    **self.versions,
                },
            }
        ).decode()


def _rounded(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.4g}")


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def medians(*works: Callable[[], float], runs: int = RUNS) -> list[float]:
    """The median of what each measures, taken in turns so that a disturbance meets all alike."""
    taken = [[work() for work in works] for _ in range(runs)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]
