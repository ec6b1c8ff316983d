from pathlib import Path

from vitascope.transcoding.pipeline.chapter_marks import add_chapters
from vitascope.transcoding.pipeline.contracts import Chapter

MEDIA = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.000,\n1.m4s\n#EXT-X-ENDLIST\n"


def packaged(folder: Path) -> Path:
    """The playlists of a set."""
    for name in ("video/360p/index", "video/360p/iframes", "audio/0/index"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.m3u8").write_text(MEDIA, encoding="utf-8")
    (folder / "master.m3u8").write_text("#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO\n", encoding="utf-8")
    return folder


class TestAddChapters:
    def test_marks(self, tmp_path: Path) -> None:
        """Chapters are date ranges on the picture, session data of the whole, and a WebVTT track."""
        folder = packaged(tmp_path)

        add_chapters([Chapter(start=1.0, end=2.0, title="Two")], folder, duration=2.0)

        picture = (folder / "video/360p/index.m3u8").read_text(encoding="utf-8")
        assert (
            '#EXT-X-DATERANGE:ID="chapter-1",CLASS="org.vitascope.chapter",'
            'START-DATE="2000-01-01T00:00:01.000Z",DURATION=1.000,X-TITLE="Two"\n' in picture
        )
        assert 'com.apple.hls.chapters",URI="chapters/chapters.json"' in (folder / "master.m3u8").read_text()
        assert "00:00:01.000 --> 00:00:02.000\nTwo" in (folder / "chapters/chapters.vtt").read_text()

    def test_dates_everywhere(self, tmp_path: Path) -> None:
        """Where one playlist says at which date it begins, all say the same, before their first segment."""
        folder = packaged(tmp_path)

        add_chapters([Chapter(start=0.0, end=2.0, title="One")], folder, duration=2.0)

        for playlist in folder.glob("*/*/*.m3u8"):
            assert "#EXT-X-PROGRAM-DATE-TIME:2000-01-01T00:00:00.000Z\n#EXTINF" in playlist.read_text()

    def test_none(self, tmp_path: Path) -> None:
        """A film without chapters has an empty track and playlists without dates."""
        folder = packaged(tmp_path)

        add_chapters((), folder, duration=2.0)

        assert (folder / "chapters/chapters.vtt").read_text() == "WEBVTT\n"
        assert (folder / "video/360p/index.m3u8").read_text() == MEDIA
