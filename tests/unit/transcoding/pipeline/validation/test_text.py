from pathlib import Path

import pytest

from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.validation.shelf import Shelf
from vitascope.transcoding.pipeline.validation.text import Cue, check_texts, read_cues


def _rules(folder: Path, text: str, *, duration: float = 10) -> list[str]:
    (folder / "a.vtt").write_text(text, encoding="utf-8")
    shelf = Shelf(folder)
    check_texts(shelf, duration=duration)
    return [finding.rule for finding in shelf.findings]


class TestReadCues:
    def test_times(self, tmp_path: Path) -> None:
        """Times with and without hours are read, with settings after them and text below."""
        file = tmp_path / "a.vtt"
        file.write_text(
            "WEBVTT\n\n1\n00:01.500 --> 01:00:02.000 align:left\nHello\n\n00:03.000 --> 00:04.000",
            encoding="ascii",
        )

        assert read_cues(file) == [Cue(1.5, 3602.0, "Hello"), Cue(3.0, 4.0, "")]

    @pytest.mark.parametrize("line", ["0:1 --> 2", "00:00.000 -> --> 00:01.000", "00:61.000 --> 00:62.000"])
    def test_no_times(self, tmp_path: Path, line: str) -> None:
        """A line with an arrow that holds no times is refused, with its number."""
        file = tmp_path / "a.vtt"
        file.write_text(f"WEBVTT\n\n{line}\n", encoding="ascii")

        with pytest.raises(SetInvalid, match="Line 3"):
            read_cues(file)


class TestCheckTexts:
    @pytest.mark.parametrize(
        ("text", "rules"),
        [
            ("WEBVTT", []),
            ("\ufeffWEBVTT title\n\n00:01.000 --> 00:02.000\na\n\n00:01.000 --> 00:03.000\nb", []),
            ("WEBVTTX\n", ["webvtt-header"]),
            ("1\n00:00:01,000 --> 00:00:02,000\na", ["webvtt-header"]),
            ("WEBVTT\n\n00:02.000 --> 00:02.000\na", ["webvtt-timing"]),
            ("WEBVTT\n\n00:02.000 --> 00:03.000\na\n\n00:01.000 --> 00:02.000\nb", ["webvtt-timing"]),
            ("WEBVTT\n\n00:02.000 --> 00:11.000\na", ["webvtt-range"]),
            ("WEBVTT\n\n00:02.000 --> 00:03.000\nsheet.jpg#xywh=0,0,1,1", ["file-missing"]),
            ("WEBVTT\n\n00:02.000 --> 00:03.000\n../sheet.jpg#xywh=0,0,1,1", ["outside"]),
        ],
    )
    def test_breaches(self, tmp_path: Path, text: str, rules: list[str]) -> None:
        """Header, order, length and pictures of cues are checked."""
        assert _rules(tmp_path, text) == rules

    def test_unknown_length(self, tmp_path: Path) -> None:
        """If nobody knows how long the film is, no cue is too late."""
        assert _rules(tmp_path, "WEBVTT\n\n00:02.000 --> 00:11.000\na", duration=0) == []
