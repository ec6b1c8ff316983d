from pathlib import Path

from vitascope.transcoding.pipeline.playlists import Segment, read_master, read_media


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

        assert playlist.segments == (
            Segment(seconds=2.002, uri="1.m4s", span=(10, 84)),
            Segment(seconds=1.5, uri="2.m4s", span=None),
        )
        assert (playlist.target, playlist.initialisation) == (3, "init.mp4")
        assert playlist.ended
        assert playlist.only_iframes
