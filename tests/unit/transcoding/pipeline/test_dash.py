from pathlib import Path

import pytest

from vitascope.transcoding.pipeline.dash import problems_of_mpd

MPD = (
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1M4.5S">'
    '<Period><AdaptationSet contentType="video"><Representation bandwidth="9" codecs="avc1" '
    'mimeType="video/mp4"><SegmentTemplate initialization="init.mp4" '
    'media="$Number%05d$.m4s" startNumber="1"/>'
    "</Representation></AdaptationSet></Period></MPD>"
)


@pytest.fixture
def mpd(tmp_path: Path) -> Path:
    """A good MPD with its files."""
    for name in ("init.mp4", "00001.m4s"):
        (tmp_path / name).touch()
    (tmp_path / "manifest.mpd").write_text(MPD, encoding="ascii")
    return tmp_path / "manifest.mpd"


class TestProblemsOfMpd:
    def test_good(self, mpd: Path) -> None:
        """A static MPD with its tracks and files has no problem."""
        assert list(problems_of_mpd(mpd, tracks=1, duration=64.5)) == []

    @pytest.mark.parametrize(
        ("tracks", "duration", "said"),
        [(1, 60.0, "64.500 s"), (2, 64.5, "1 tracks of 2")],
    )
    def test_other_film(self, mpd: Path, tracks: int, duration: float, said: str) -> None:
        """An MPD that tells another length or number of tracks is found."""
        assert any(said in problem for problem in problems_of_mpd(mpd, tracks=tracks, duration=duration))

    def test_missing_files(self, mpd: Path) -> None:
        """An MPD that names files that are not there is found."""
        (mpd.parent / "00001.m4s").unlink()

        assert "segments" in " ".join(problems_of_mpd(mpd, tracks=1, duration=64.5))
