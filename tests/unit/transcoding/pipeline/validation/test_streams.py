import pytest
from tests.unit.transcoding.pipeline.test_mp4 import header

from vitascope.transcoding.pipeline.bitstream import Opening
from vitascope.transcoding.pipeline.validation.streams import Stream


def _stream(*segments: tuple[int, float]) -> Stream:
    count = len(segments)
    return Stream(
        playlist="a.m3u8",
        initialisation=header(),
        files=("a",) * count,
        starts=(0.0,) * count,
        lengths=tuple(length for _, length in segments),
        sizes=tuple(size for size, _ in segments),
        frames=10,
        openings=(Opening.UNKNOWN,) * count,
        synchronous=(True,) * count,
        sealed=(False,) * count,
    )


class TestBandwidth:
    def test_rates(self) -> None:
        """The average is over the whole, the peak that of the greatest segment."""
        stream = _stream((1000, 2.0), (3000, 2.0), (2000, 2.0))

        assert (stream.average_bandwidth, stream.peak_bandwidth, stream.highest_bandwidth) == (
            8000,
            12000,
            12000,
        )

    def test_short_segment(self) -> None:
        """A last segment of less than half the longest counts only together with those before it."""
        stream = _stream((1000, 2.0), (1000, 2.0), (900, 0.5))

        assert stream.highest_bandwidth == 14400
        assert stream.peak_bandwidth == round(1900 * 8 / 2.5)

    @pytest.mark.parametrize("segments", [(), ((0, 0.0),), ((5, 0.0), (5, 0.0))])
    def test_nothing(self, segments: tuple[tuple[int, float], ...]) -> None:
        """Streams that last no time have no bandwidth, and nobody divides by nought."""
        stream = _stream(*segments)

        assert (stream.average_bandwidth, stream.peak_bandwidth, stream.highest_bandwidth) == (0, 0, 0)
