from vitascope.runtime.demo.proof import Variant, variants

_MASTER = """#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,URI="audio/0/index.m3u8",GROUP-ID="audio",LANGUAGE="en",NAME="English",DEFAULT=YES
#EXT-X-MEDIA:TYPE=SUBTITLES,URI="text/0/index.m3u8",GROUP-ID="text",LANGUAGE="de",NAME="Deutsch"
#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS="avc1.640028,mp4a.40.2",RESOLUTION=1280x720,AUDIO="audio"
video/720p/index.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90000,RESOLUTION=1280x720,URI="video/720p/iframes.m3u8"
"""


class TestVariants:
    def test_each_playlist_once(self) -> None:
        """Pictures, sounds and captions are found with their addresses, I-frame playlists are left out."""
        base = "http://host/media/TOKEN/master.m3u8"

        found = list(variants(_MASTER, base=base))

        assert found == [
            Variant("audio English", "http://host/media/TOKEN/audio/0/index.m3u8"),
            Variant("subtitles Deutsch", "http://host/media/TOKEN/text/0/index.m3u8", is_text=True),
            Variant("1280x720", "http://host/media/TOKEN/video/720p/index.m3u8"),
        ]
