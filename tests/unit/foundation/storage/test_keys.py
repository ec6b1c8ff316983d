import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitascope.foundation.errors import Invalid
from vitascope.foundation.storage.keys import ObjectKey, ObjectPrefix

BAD = [
    "",
    "tenant",
    "/tenant/a",
    "tenant/",
    "tenant//a",
    "tenant/../other/a",
    "tenant/./a",
    "../a",
    "tenant/.hidden",
    "tenant/a\n",
    "tenant/a\0b",
    "tenant/\x7f",
    "tenant/a b",
    "tenant/a\\b",
    "tenant/ü",
    "tenant/%2e%2e/a",
    "tenant/" + "a" * 201,
    "tenant/" + "a/" * 500 + "a",
]


class TestObjectKey:
    @pytest.mark.parametrize("text", BAD)
    def test_refuses(self, text: str) -> None:
        """What climbs, hides, or reads differently elsewhere is no key."""
        with pytest.raises(Invalid):
            ObjectKey(text)

    def test_tells_its_parts(self) -> None:
        """A key tells its tenant and its ending."""
        key = ObjectKey.of("ten_1", "films/ttl_2", "video.MP4")

        assert (key, key.tenant, key.suffix) == ("ten_1/films/ttl_2/video.MP4", "ten_1", ".mp4")

    @given(st.text(max_size=40))
    def test_whatever_is_accepted_stays_inside(self, text: str) -> None:
        """Every accepted key is made of plain, visible parts below a tenant."""
        try:
            key = ObjectKey(text)
        except Invalid:
            return

        assert re.fullmatch(r"[\w.=@+-]+(/[\w.=@+-]+)+", key, re.ASCII)
        assert not any(part.startswith(".") for part in key.split("/"))


class TestObjectPrefix:
    @pytest.mark.parametrize("text", ["", "/", "tenant", "tenant/a", "tenant//", "../", "tenant/../"])
    def test_refuses(self, text: str) -> None:
        """A prefix is whole parts below one tenant."""
        with pytest.raises(Invalid):
            ObjectPrefix(text)

    def test_makes_keys(self) -> None:
        """A prefix gives the keys below it, and none outside."""
        prefix = ObjectPrefix.of("tenant", "film")

        assert prefix.key("video", "1.m4s") == "tenant/film/video/1.m4s"
        with pytest.raises(Invalid):
            prefix.key("..", "x")
