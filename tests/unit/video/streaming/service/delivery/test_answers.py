import pytest

from vitascope.foundation.http.ranges import RangeNotSatisfiable
from vitascope.video.streaming.service.delivery.answers import Conditions, File, NoSuchFile, answer, suffix_of

FILE = File(name="00001.m4s", size=1000, modified=1_700_000_000.5)


class TestSuffixOf:
    @pytest.mark.parametrize("path", ["master.m3u8", "video/1080p/00001.m4s", "pictures/poster-640.jpg"])
    def test_knows_what_a_film_is_made_of(self, path: str) -> None:
        """Plain names of known kinds are found."""
        assert path.endswith(suffix_of(path))

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "video",
            "../secret.m4s",
            "video/../../other/00001.m4s",
            "video/..%2f00001.m4s",
            "video//00001.m4s",
            "/etc/00001.m4s",
            ".hidden.m4s",
            "video/.hidden/00001.m4s",
            "video\\00001.m4s",
            "video/00001.m4s\x00.jpg",
            "vidéo/00001.m4s",
            "encoded.json",
            "source",
            "m4s",
        ],
    )
    def test_refuses_all_else(self, path: str) -> None:
        """What climbs, hides, needs decoding or is of no known kind is not there."""
        with pytest.raises(NoSuchFile):
            suffix_of(path)


class TestAnswer:
    def test_sends_the_whole(self) -> None:
        """Without conditions the whole file is sent, with what a player and a cache need to know."""
        made = answer(FILE, Conditions())

        assert (made.status, made.start, made.length) == (200, 0, 1000)
        assert made.headers["content-type"] == "video/iso.segment"
        assert made.headers["content-length"] == "1000"
        assert made.headers["accept-ranges"] == "bytes"
        assert made.headers["cache-control"] == "private, max-age=86400, immutable"
        assert made.headers["last-modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
        assert made.headers["access-control-allow-origin"] == "*"

    def test_manifests_are_checked_each_time(self) -> None:
        """A manifest may gain renditions, so no cache gives it without asking."""
        made = answer(File(name="master.m3u8", size=1, modified=1.0), Conditions())

        assert made.headers["cache-control"] == "private, no-cache"

    @pytest.mark.parametrize(
        ("asked", "start", "length"),
        [
            ("bytes=0-99", 0, 100),
            ("bytes=990-", 990, 10),
            ("bytes=-10", 990, 10),
            ("bytes=900-5000", 900, 100),
        ],
    )
    def test_sends_a_part(self, asked: str, start: int, length: int) -> None:
        """One range is sent as 206 and says which part of what it is."""
        made = answer(FILE, Conditions(range=asked))

        assert (made.status, made.start, made.length) == (206, start, length)
        assert made.headers["content-range"] == f"bytes {start}-{start + length - 1}/1000"
        assert made.headers["content-length"] == str(length)

    @pytest.mark.parametrize("asked", ["bytes=1000-", "bytes=-0"])
    def test_refuses_what_does_not_exist(self, asked: str) -> None:
        """A range beyond the end is refused, with the size."""
        with pytest.raises(RangeNotSatisfiable) as refused:
            answer(FILE, Conditions(range=asked))

        assert refused.value.extra == {"content_range": "bytes */1000"}

    @pytest.mark.parametrize("asked", ["bytes", "bytes=5-1", "lines=1-2", "bytes=a-b"])
    def test_ignores_what_is_malformed(self, asked: str) -> None:
        """A header that means nothing asks for nothing: the whole is sent."""
        assert answer(FILE, Conditions(range=asked)).status == 200

    def test_sends_the_whole_if_it_changed(self) -> None:
        """With If-Range a part of another version is never sent."""
        same = answer(FILE, Conditions(range="bytes=0-9", if_range=FILE.etag))
        other = answer(FILE, Conditions(range="bytes=0-9", if_range='"other"'))

        assert (same.status, other.status) == (206, 200)

    def test_says_unchanged(self) -> None:
        """Who has the file gets no bytes of it, only what it still is."""
        made = answer(FILE, Conditions(if_none_match=FILE.etag, range="bytes=0-9"))

        assert (made.status, made.length, made.headers["etag"]) == (304, 0, FILE.etag)
        assert "content-length" not in made.headers

    def test_tags_as_nginx_does(self) -> None:
        """The entity tag is nginx's, so that a player may go on at another server."""
        assert FILE.etag == '"6553f100-3e8"'
