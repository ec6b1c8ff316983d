import struct
from pathlib import Path

import pytest

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.contracts import SetInvalid


def box(kind: bytes, body: bytes) -> bytes:
    """A box with its header."""
    return struct.pack(">I4s", 8 + len(body), kind) + body


class TestBoxes:
    def test_nested(self) -> None:
        """Boxes inside containers are found."""
        found = mp4.boxes(box(b"moov", box(b"trak", box(b"mdia", box(b"mdhd", b"time")))))

        assert found[b"mdhd"] == [b"time"]

    @pytest.mark.parametrize("size", [0, 7, 4000])
    def test_impossible_size(self, size: int) -> None:
        """A box that says it is larger than what holds it, or smaller than its header, is refused."""
        with pytest.raises(SetInvalid):
            mp4.boxes(struct.pack(">I4s", size, b"free") + b"1234")


class TestFirstUnit:
    @pytest.mark.parametrize(
        ("units", "first"),
        [([6, 7, 8, 5, 1], 5), ([9, 1, 5], 1), ([6, 7], 0), ([], 0)],
    )
    def test_skips_what_is_not_picture(self, units: list[int], first: int) -> None:
        """Parameter sets and messages before the picture do not count."""
        media = b"".join(struct.pack(">IB", 3, kind) + b"\x00\x00" for kind in units)

        assert mp4.first_unit_of(media) == first


class TestReadTrack:
    def test_unfinished(self, tmp_path: Path) -> None:
        """A file that was not written to its end has no index, and that is said."""
        file = tmp_path / "video.mp4"
        file.write_bytes(box(b"ftyp", b"isom") + struct.pack(">I4s", 5000, b"mdat") + b"cut")

        with pytest.raises(SetInvalid, match="not written to its end"):
            mp4.read_track(file)

    def test_no_track(self, tmp_path: Path) -> None:
        """A file to which no picture was written has no samples."""
        file = tmp_path / "empty.mp4"
        file.write_bytes(box(b"moov", box(b"mvhd", b"")))

        assert mp4.read_track(file).samples == 0
