import struct
from pathlib import Path

import pytest

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.sample_entries import SampleEntry


def box(kind: bytes, body: bytes) -> bytes:
    """A box with its header."""
    return struct.pack(">I4s", 8 + len(body), kind) + body


def header(*, default_duration: int = 1) -> mp4.Initialisation:
    """A header of sound, a thousand ticks to the second."""
    sample = SampleEntry(
        format="mp4a",
        codec="mp4a.40.2",
        width=0,
        height=0,
        aspect=(1, 1),
        transfer="",
        unit_length=4,
        encrypted=False,
        protection=None,
    )
    return mp4.Initialisation(
        timescale=1000,
        tracks=1,
        sample=sample,
        systems=(),
        default_duration=default_duration,
        default_flags=0,
    )


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


class TestDepth:
    def test_nested_too_deep(self) -> None:
        """Boxes within boxes within boxes are refused before they cost anything."""
        data = b""
        for _ in range(2000):
            data = box(b"moov", data)

        with pytest.raises(SetInvalid, match="nested"):
            mp4.boxes(data)


class TestReadFragments:
    def test_gigantic_run(self, tmp_path: Path) -> None:
        """A run of four thousand million samples is counted, not written out."""
        trun = struct.pack(">3I", 0, 0xFFFFFFFF, 0)[:8]
        traf = box(b"tfhd", struct.pack(">2I", 0, 1)) + box(b"tfdt", bytes(8)) + box(b"trun", trun)
        file = tmp_path / "1.m4s"
        file.write_bytes(box(b"moof", box(b"traf", traf)) + box(b"mdat", b"media"))

        (fragment,) = mp4.read_fragments(file, header(default_duration=3))

        assert (fragment.samples, fragment.ticks) == (0xFFFFFFFF, 3 * 0xFFFFFFFF)

    def test_cut_short(self, tmp_path: Path) -> None:
        """A segment whose last box is cut off is refused."""
        file = tmp_path / "1.m4s"
        file.write_bytes(struct.pack(">I4s", 5000, b"moof") + b"cut")

        with pytest.raises(SetInvalid, match="not written to its end"):
            mp4.read_fragments(file, header())


class TestReadSystem:
    def test_key_ids(self) -> None:
        """A pssh box of version 1 tells its system, its key ids and its data."""
        body = (
            b"\x01\0\0\0"
            + bytes(range(16))
            + struct.pack(">I", 1)
            + b"k" * 16
            + struct.pack(">I", 3)
            + b"abc"
        )

        header = mp4.read_system(body)

        assert (header.system, header.key_ids) == (bytes(range(16)).hex(), ((b"k" * 16).hex(),))
        assert (header.data, header.box) == (b"abc", box(b"pssh", body))


class TestReadSubsegments:
    def test_spans(self, tmp_path: Path) -> None:
        """A segment index tells where its subsegments are, counted from its own end."""
        references = struct.pack(">6I", 100, 2000, 0, 50, 1000, 0)
        sidx = struct.pack(">6I", 0, 1, 1000, 0, 7, 2)
        file = tmp_path / "v.mp4"
        file.write_bytes(b"12345678" + box(b"sidx", sidx + references))
        size = len(sidx + references) + 8

        found = mp4.read_subsegments(file, (size, 8))

        start = 8 + size + 7
        assert found == [((100, start), 2.0), ((50, start + 100), 1.0)]


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
