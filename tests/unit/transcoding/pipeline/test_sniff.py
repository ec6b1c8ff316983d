from pathlib import Path

import pytest

from vitascope.transcoding.pipeline.contracts import NotMedia
from vitascope.transcoding.pipeline.sniff import sniff

TS = b"".join(b"\x47" + bytes(187) for _ in range(6))
M2TS = b"".join(bytes(4) + b"\x47" + bytes(187) for _ in range(6))


class TestSniff:
    @pytest.mark.parametrize(
        ("head", "demuxer"),
        [
            (b"\x00\x00\x00\x18ftypmp42", "mov"),
            (b"\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x10\x00", "mov"),
            (b"\x1a\x45\xdf\xa3\x9f", "matroska"),
            (b"RIFF\x00\x10\x00\x00AVI LIST", "avi"),
            (TS, "mpegts"),
            (M2TS, "mpegts"),
            (b"\x00\x00\x01\xba\x44", "mpeg"),
            (b"FLV\x01\x05", "flv"),
            (b"OggS\x00\x02", "ogg"),
        ],
    )
    def test_films(self, tmp_path: Path, head: bytes, demuxer: str) -> None:
        """Each known container is recognised by its first bytes, whatever its name."""
        file = tmp_path / "film.txt"
        file.write_bytes(head)

        container = sniff(file)

        assert container.demuxer == demuxer

    @pytest.mark.parametrize(
        ("head", "said"),
        [
            (b"", "zero bytes"),
            (b"#EXTM3U\n#EXTINF:1,\nhttp://10.0.0.1/", "HLS playlist"),
            (b"\xef\xbb\xbf\r\n#EXTM3U\n", "HLS playlist"),
            (b"ffconcat version 1.0\nfile /etc/passwd\n", "list of other files"),
            (b"  <!DOCTYPE HTML>", "HTML"),
            (b"<?xml version='1.0'?><MPD/>", "XML"),
            (b"\xff\xd8\xff\xe0", "JPEG"),
            (b"\x89PNG\r\n\x1a\n", "PNG"),
            (b"ID3\x03", "sound file"),
            (b"RIFF\x00\x10\x00\x00WAVEfmt ", "sound file"),
            (b"PK\x03\x04", "ZIP"),
            (b"Dear committee,\n", "plain text"),
            (b"\x00\x01\x02\x03" * 9, "unknown"),
            (b"G" + bytes(187), "unknown"),
        ],
    )
    def test_others(self, tmp_path: Path, head: bytes, said: str) -> None:
        """Everything else is refused, and told for what it looks like."""
        file = tmp_path / "film.mp4"
        file.write_bytes(head)

        with pytest.raises(NotMedia, match=said) as caught:
            sniff(file)

        assert caught.value.field == "file"

    def test_folder(self, tmp_path: Path) -> None:
        """A folder, or nothing, is not a film."""
        with pytest.raises(NotMedia, match="no such file"):
            sniff(tmp_path)
