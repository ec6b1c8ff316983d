from pathlib import Path

import pytest

from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.playlists import Resource, Segment, read_master, read_media


def _written(folder: Path, text: str) -> Path:
    file = folder / "index.m3u8"
    file.write_text(f"#EXTM3U\n{text}", encoding="ascii")
    return file


class TestReadMaster:
    def test_attributes(self, tmp_path: Path) -> None:
        """Variants, media and key frame playlists are read with their attributes, commas in quotes too."""
        file = tmp_path / "master.m3u8"
        file.write_text(
            "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n"
            '#EXT-X-MEDIA:TYPE=AUDIO,NAME="a, b",URI="a.m3u8"\n'
            '#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS="avc1,mp4a"\nv.m3u8\n'
            '#EXT-X-I-FRAME-STREAM-INF:URI="i.m3u8"\n',
            encoding="ascii",
        )

        master = read_master(file)

        assert master.independent
        assert master.variants[0].uri == "v.m3u8"
        assert master.variants[0].attributes == {"BANDWIDTH": "9", "CODECS": "avc1,mp4a"}
        assert (master.media[0].uri, master.media[0].attributes["NAME"]) == ("a.m3u8", "a, b")
        assert master.iframes[0].uri == "i.m3u8"


class TestReadMedia:
    def test_segments(self, tmp_path: Path) -> None:
        """Segments are read with their seconds and byte ranges."""
        file = tmp_path / "index.m3u8"
        file.write_text(
            '#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXT-X-MAP:URI="init.mp4"\n#EXT-X-I-FRAMES-ONLY\n'
            "#EXTINF:2.002,\n#EXT-X-BYTERANGE:10@84\n1.m4s\n#EXTINF:1.5,title\n2.m4s\n#EXT-X-ENDLIST\n",
            encoding="ascii",
        )

        playlist = read_media(file)

        header = Resource("init.mp4", None)
        assert playlist.segments == (
            Segment(seconds=2.002, uri="1.m4s", span=(10, 84), initialisation=header),
            Segment(seconds=1.5, uri="2.m4s", span=None, initialisation=header),
        )
        assert playlist.target == 3
        assert playlist.ended
        assert playlist.only_iframes

    def test_ranges_go_on(self, tmp_path: Path) -> None:
        """A byte range without an offset begins where the one before it in the same file ended."""
        file = _written(
            tmp_path,
            '#EXT-X-MAP:URI="a.mp4",BYTERANGE="100@0"\n#EXTINF:1,\n#EXT-X-BYTERANGE:10@100\na.mp4\n'
            "#EXTINF:1,\n#EXT-X-BYTERANGE:20\na.mp4\n#EXTINF:1,\nb.mp4\n",
        )

        playlist = read_media(file)

        assert [segment.span for segment in playlist.segments] == [(10, 100), (20, 110), None]
        assert playlist.segments[0].initialisation == Resource("a.mp4", (100, 0))

    def test_keys(self, tmp_path: Path) -> None:
        """Key lines that stand together hold together, later ones replace them, NONE ends encryption."""
        keys = [f'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="{name}"\n' for name in "abc"]
        none = "#EXT-X-KEY:METHOD=NONE\n"
        file = _written(tmp_path, f"{keys[0]}{keys[1]}1.m4s\n{keys[2]}2.m4s\n3.m4s\n{none}4.m4s\n")

        playlist = read_media(file)

        assert [[key.uri for key in one.keys] for one in playlist.segments] == [["a", "b"], ["c"], ["c"], []]
        assert [key.uri for key in playlist.keys] == ["a", "b", "c"]

    @pytest.mark.parametrize(
        "text",
        [
            "#EXTINF:nan,\na\n",
            "#EXTINF:1e99,\na\n",
            "#EXTINF:-1,\na\n",
            "#EXTINF:1,\n#EXT-X-BYTERANGE:9@x\na\n",
        ],
    )
    def test_absurd_numbers(self, tmp_path: Path, text: str) -> None:
        """Numbers that nobody can mean are refused, not computed with."""
        with pytest.raises(SetInvalid):
            read_media(_written(tmp_path, text))

    def test_no_playlist(self, tmp_path: Path) -> None:
        """A file that does not begin as a playlist is none."""
        file = tmp_path / "index.m3u8"
        file.write_text("film.mp4\n", encoding="ascii")

        with pytest.raises(SetInvalid, match="#EXTM3U"):
            read_media(file)
