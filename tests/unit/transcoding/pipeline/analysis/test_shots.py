import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitascope.transcoding.pipeline.analysis.shots import Packets, choose


class TestPackets:
    def test_pieces(self) -> None:
        """Bytes are added up by window, however the output is cut into pieces, in any order of time."""
        packets = Packets(2.0)

        for piece in (b"10.0,5", b"00\n12.5,30\n11", b".9,20\n", b"N/A,7\n17.0,1,\n"):
            packets(piece)

        assert packets.by_window() == [520, 30, 0, 1]

    def test_nothing(self) -> None:
        """A film without a readable packet has no window."""
        packets = Packets(2.0)

        packets(b"garbage\n\xff\xfe,1\n,\n")

        assert packets.by_window() == []


class TestChoose:
    @given(st.lists(st.integers(0, 10**6), min_size=1, max_size=2000))
    def test_windows(self, loads: list[int]) -> None:
        """Windows are of the film, each once, in order, a few of a short film and not many of any."""
        chosen = choose(loads)

        assert chosen == sorted(set(chosen))
        assert all(0 <= number < len(loads) for number in chosen)
        assert min(3, max(1, len(loads) - 1)) <= len(chosen) <= 16
        assert choose(list(loads)) == chosen

    @pytest.mark.parametrize("hard", [range(900, 1000), range(100)])
    def test_hard_part(self, hard: range) -> None:
        """A tenth of the film that is hard gets about a tenth of the windows, wherever it is."""
        loads = [1000 if number in hard else 10 + number % 7 for number in range(1000)]

        chosen = choose(loads)

        assert 1 <= sum(number in hard for number in chosen) <= 3

    def test_all_alike(self) -> None:
        """Where all of the film is alike, windows are spread over it."""
        chosen = choose([100] * 1000)

        quarters = {number // 250 for number in chosen}
        assert quarters == {0, 1, 2, 3}
