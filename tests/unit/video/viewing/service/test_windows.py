from hypothesis import given
from hypothesis import strategies as st

from vitascope.video.viewing.service.windows import WIDTH, Window


def _taken(numbers: list[int]) -> list[int]:
    window, taken = Window(), []
    for number in numbers:
        moved = window.take(number)
        if moved is not None:
            window = moved
            taken.append(number)
    return taken


class TestWindow:
    @given(st.lists(st.integers(1, WIDTH)))
    def test_takes_each_number_once(self, numbers: list[int]) -> None:
        """Within the window's width every number is taken once, in whatever order they come."""
        taken = _taken(numbers)

        assert taken == list(dict.fromkeys(numbers))

    @given(st.lists(st.integers(1, 1 << 31)))
    def test_never_takes_a_number_twice(self, numbers: list[int]) -> None:
        """However far the numbers jump, none is taken twice, and a new highest is always taken."""
        taken = _taken(numbers)

        assert len(taken) == len(set(taken))
        assert not numbers or max(numbers) in taken

    @given(st.lists(st.integers(1, 1 << 31)))
    def test_fits_a_signed_bigint(self, numbers: list[int]) -> None:
        """The bits fit the column that keeps them."""
        window = Window()

        for number in numbers:
            window = window.take(number) or window

        assert 0 <= window.seen < 1 << 63

    def test_refuses_what_is_too_old_to_tell(self) -> None:
        """A number that left the window may have been seen, so it is not taken."""
        window = Window(highest=100, seen=1)

        assert window.take(100 - WIDTH) is None
        assert window.take(100 - WIDTH + 1) is not None
