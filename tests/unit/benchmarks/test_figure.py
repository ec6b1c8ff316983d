import itertools
import json

import pytest
from benchmarks.__main__ import groups
from benchmarks.figure import Figure, Target, medians


class TestFigure:
    def test_line(self) -> None:
        """A figure is one JSON object with its ratio, its target, and whether that is met."""
        figure = Figure(
            name="transcode.overhead",
            value=66.0,
            unit="s",
            target=Target("ratio", "<=", 1.15),
            against="ffmpeg",
            against_value=60.0,
        )

        told = json.loads(figure.line())

        assert list(told) == [
            "name",
            "value",
            "unit",
            "against",
            "against_value",
            "ratio",
            "target",
            "met",
            "versions",
        ]
        assert (told["ratio"], told["target"], told["met"]) == (1.1, "ratio <= 1.15", True)

    @pytest.mark.parametrize(
        ("target", "met"),
        [
            (Target("value", "<=", 6), True),
            (Target("value", "<=", 4), False),
            (Target("value", ">=", 5), True),
            (Target("ratio", ">=", 0.1), False),
            (Target("value", "<", 5), False),
        ],
    )
    def test_met(self, target: Target, met: bool) -> None:
        """A target is met by the value or the ratio that it is about; a ratio needs something against."""
        figure = Figure(name="a.b", value=5.0, unit="s", target=target)

        assert figure.met is met


class TestMedians:
    def test_in_turns(self) -> None:
        """Works are measured in turns, and the median of each is given."""
        order: list[str] = []
        numbers = itertools.count()

        def work(name: str) -> float:
            order.append(name)
            return next(numbers)

        result = medians(lambda: work("a"), lambda: work("b"), runs=3)

        assert order == ["a", "b"] * 3
        assert result == [2.0, 3.0]


class TestGroups:
    def test_found(self) -> None:
        """Every module with figures is a group; the machinery is none."""
        assert "transcode" in groups()
        assert not {"figure", "__main__"} & set(groups())
