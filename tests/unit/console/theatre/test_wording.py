import pytest

from vitascope.console.theatre import wording


class TestClockTime:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(0, "0:00"), (59.6, "1:00"), (245, "4:05"), (3723, "1:02:03"), (36000, "10:00:00"), (None, "")],
    )
    def test_as_on_a_player(self, seconds: float | None, text: str) -> None:
        """A length reads as it does on every player."""
        assert wording.clock_time(seconds) == text


class TestSpokenTime:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (0, "0 seconds"), (1, "1 second"), (90, "1 minute 30 seconds"),
            (3600, "1 hour"), (7260, "2 hours 1 minute"), (None, "unknown length"),
        ],
    )  # fmt: skip
    def test_as_people_say(self, seconds: float | None, text: str) -> None:
        """A screen reader says a length as people do."""
        assert wording.spoken_time(seconds) == text


class TestCount:
    @pytest.mark.parametrize(
        ("number", "text"),
        [(0, "0 views"), (1, "1 view"), (999, "999 views"), (1000, "1K views"), (3449, "3.4K views"),
         (2_500_000, "2.5M views")],
    )  # fmt: skip
    def test_short(self, number: int, text: str) -> None:
        """Large numbers are rounded to what is read at a glance."""
        assert wording.count(number, "view") == text
