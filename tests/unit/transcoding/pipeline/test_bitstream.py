import struct

import pytest

from vitascope.transcoding.pipeline.bitstream import Opening, opening


def _units(*heads: int) -> bytes:
    return b"".join(struct.pack(">IBBB", 3, head, 1, 0) for head in heads)


def _hevc(*kinds: int) -> bytes:
    return _units(*(kind << 1 for kind in kinds))


def _av1(*units: tuple[int, bytes]) -> bytes:
    return b"".join(bytes([kind << 3 | 0x02, len(payload)]) + payload for kind, payload in units)


class TestH264:
    @pytest.mark.parametrize(
        ("kinds", "expected"),
        [
            ([6, 7, 8, 5, 1], Opening.KEY),
            ([9, 1, 5], Opening.OTHER),
            ([6, 7], Opening.OTHER),
            ([], Opening.OTHER),
        ],
    )
    def test_first_picture(self, kinds: list[int], expected: Opening) -> None:
        """An IDR picture opens a segment; parameter sets and messages before the picture do not count."""
        assert opening("avc1", _units(*kinds)) is expected


class TestHevc:
    @pytest.mark.parametrize("kind", [16, 17, 18, 19, 20])
    def test_idr(self, kind: int) -> None:
        """IDR_W_RADL, IDR_N_LP and broken links open a segment."""
        assert opening("hvc1", _hevc(32, 33, 34, kind, 1)) is Opening.KEY

    @pytest.mark.parametrize(
        ("after", "expected"),
        [
            ([1, 8], Opening.KEY),
            ([6, 7, 1], Opening.KEY),
            ([], Opening.KEY),
            ([9], Opening.OPEN),
            ([6, 8, 1], Opening.OPEN),
        ],
    )
    def test_clean_random_access(self, after: list[int], expected: Opening) -> None:
        """A CRA picture opens a segment only if no skipped leading picture (RASL) follows it."""
        assert opening("hev1", _hevc(33, 21, *after)) is expected

    def test_trailing(self) -> None:
        """A trailing picture opens nothing."""
        assert opening("hvc1", _hevc(33, 1)) is Opening.OTHER


class TestAv1:
    @pytest.mark.parametrize(
        ("units", "expected"),
        [
            ([(2, b""), (1, b"seq"), (6, b"\x10\0")], Opening.KEY),
            ([(1, b"seq"), (3, b"\x10\0")], Opening.KEY),
            ([(6, b"\x10\0")], Opening.OTHER),
            ([(1, b"seq"), (6, b"\x30\0")], Opening.OTHER),
            ([(1, b"seq"), (6, b"\x90\0")], Opening.OTHER),
            ([(1, b"seq"), (6, b"\x00\0")], Opening.OTHER),
            ([(1, b"seq")], Opening.OTHER),
        ],
    )
    def test_key_frame(self, units: list[tuple[int, bytes]], expected: Opening) -> None:
        """A shown key frame after its sequence header opens a segment; nothing else does."""
        assert opening("av01", _av1(*units)) is expected

    def test_endless_size(self) -> None:
        """A size that does not end is the end."""
        assert opening("av01", b"\x0a" + b"\xff" * 20) is Opening.OTHER


class TestVp9:
    @pytest.mark.parametrize(
        ("first", "expected"),
        [
            (0b10000000, Opening.KEY),
            (0b10000100, Opening.OTHER),
            (0b10001000, Opening.OTHER),
            (0b10100000, Opening.KEY),
            (0b10110000, Opening.KEY),
            (0b10110010, Opening.OTHER),
            (0b00000000, Opening.OTHER),
        ],
    )
    def test_key_frame(self, first: int, expected: Opening) -> None:
        """The frame type follows the profile, which has one bit more for profile 3."""
        assert opening("vp09", bytes([first])) is expected

    def test_nothing(self) -> None:
        """No media is no key frame, and another codec is not judged."""
        assert opening("vp09", b"") is Opening.OTHER
        assert opening("theo", b"1234") is Opening.UNKNOWN
