"""Names that people gave their files."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitascope.video.upload.service.names import UNNAMED, clean_filename, clean_text


class TestCleanFilename:
    @pytest.mark.parametrize(
        ("given_name", "cleaned"),
        [
            ("holiday.mp4", "holiday.mp4"),
            ("../../etc/passwd", "passwd"),
            ("C:\\films\\a film.mov", "a film.mov"),
            ("trailing/", "trailing"),
            ("line\nbreak\x1b[2J.mp4", "line break[2J.mp4"),
            ("gnp\u202e4pm.exe", "gnp4pm.exe"),
            ("e\u0301te\u0301.mp4", "\u00e9t\u00e9.mp4"),
            ("..", UNNAMED),
            ("", UNNAMED),
            ("\x00\u200b", UNNAMED),
        ],
    )
    def test_examples(self, given_name: str, cleaned: str) -> None:
        """Path parts and what does not show are gone; the rest stays readable."""
        assert clean_filename(given_name) == cleaned

    @given(st.text(max_size=400))
    def test_always_shows(self, given_name: str) -> None:
        """Whatever is given, one short line of visible text without a path comes out, and stays as it is."""
        cleaned = clean_filename(given_name)

        assert 0 < len(cleaned) <= 200
        assert "/" not in cleaned
        assert "\\" not in cleaned
        assert all(unicodedata.category(one)[0] != "C" for one in cleaned)
        assert clean_filename(cleaned) == cleaned


class TestCleanText:
    def test_one_line(self) -> None:
        """White space of any kind becomes single spaces."""
        assert clean_text("  A \t film\n of\u00a0mine ") == "A film of mine"
