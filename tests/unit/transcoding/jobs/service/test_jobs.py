import pytest

from vitascope.transcoding.jobs.service.jobs import MAX_FILENAME, clean_filename


class TestCleanFilename:
    @pytest.mark.parametrize(
        ("given", "shown"),
        [
            ("The Kiss.mp4", "The Kiss.mp4"),
            ("../../etc/passwd", "passwd"),
            ("C:\\films\\kiss.mp4", "kiss.mp4"),
            ("a\x00b\nc.mp4", "a b c.mp4"),
            ("\u202egpj.mp4", "gpj.mp4"),
            ("", "film"),
            ("x/", "film"),
        ],
    )
    def test_shows_a_plain_name(self, given: str, shown: str) -> None:
        """Folders, control characters and turned writing are no part of the name that is shown."""
        assert clean_filename(given) == shown

    def test_is_not_endless(self) -> None:
        """A name has at most as many characters as a file system allows."""
        assert len(clean_filename("x" * 10_000)) == MAX_FILENAME
