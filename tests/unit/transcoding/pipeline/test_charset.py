from pathlib import Path

import pytest

from vitascope.transcoding.pipeline.charset import MOST_BYTES, decode, read_text
from vitascope.transcoding.pipeline.contracts import TrackRejected

TEXT = "00:00:01,000 --> 00:00:02,000\nDéjà vu, größer\n"


class TestDecode:
    @pytest.mark.parametrize(
        "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"]
    )
    def test_encodings(self, encoding: str) -> None:
        """Text in any usual encoding is read as it was meant, marked or not."""
        assert decode(TEXT.encode(encoding)) == TEXT

    def test_declared(self) -> None:
        """An XML file in another encoding says so in its first line."""
        xml = '<?xml version="1.0" encoding="windows-1250"?><tt>příliš žluťoučký</tt>'

        assert decode(xml.encode("cp1250")) == xml

    def test_line_ends(self) -> None:
        """Lines may end as they do anywhere."""
        assert decode(b"a\r\nb\rc\n") == "a\nb\nc\n"


class TestReadText:
    def test_binary(self, tmp_path: Path) -> None:
        """A file that is not text is refused by name."""
        (tmp_path / "film.srt").write_bytes(bytes(range(256)) * 20)

        with pytest.raises(TrackRejected, match=r"film\.srt is not a text file"):
            read_text(tmp_path / "film.srt", field="subtitle")

    def test_huge(self, tmp_path: Path) -> None:
        """A file larger than any subtitles is refused unread."""
        with (tmp_path / "huge.srt").open("wb") as file:
            file.truncate(MOST_BYTES + 1)

        with pytest.raises(TrackRejected, match="8 MB"):
            read_text(tmp_path / "huge.srt", field="subtitle")

    def test_missing(self, tmp_path: Path) -> None:
        """A file that is not there is told, with the field that names it."""
        with pytest.raises(TrackRejected, match="No such file") as refused:
            read_text(tmp_path / "none.srt", field="subtitle")

        assert refused.value.field == "subtitle"
