import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitascope.transcoding.pipeline.contracts import TrackRejected
from vitascope.transcoding.pipeline.tags import canonical, tag_or_unknown


class TestCanonical:
    @pytest.mark.parametrize(
        ("tag", "expected"),
        [
            ("EN-us", "en-US"),
            ("ger", "de"),
            ("iw", "he"),
            ("zh_hant_tw", "zh-Hant-TW"),
            ("sr-latn-419", "sr-Latn-419"),
            ("de-1996", "de-1996"),
            ("gsw", "gsw"),
            ("i-klingon", "tlh"),
            ("en-x-pirate", "en-x-pirate"),
            ("und", "und"),
        ],
    )
    def test_valid(self, tag: str, expected: str) -> None:
        """A registered tag is given in the form that players compare."""
        assert canonical(tag, field="subtitle") == expected

    @pytest.mark.parametrize(
        "tag",
        [
            "",
            "english",
            "xq",
            "qqq",
            "en-",
            "en-US-Latn",
            "en-en",
            "de-Qxyz",
            "en-x",
            "e\u0301n",
            "de-1996-1996",
            "a" * 40,
        ],
    )
    def test_invalid(self, tag: str) -> None:
        """A tag that is not registered or not well-formed is refused."""
        with pytest.raises(TrackRejected):
            canonical(tag, field="subtitle")

    @given(st.text(max_size=12))
    def test_stable(self, text: str) -> None:
        """Whatever is given, the answer is a tag that stays as it is, or none."""
        tag = tag_or_unknown(text)

        assert canonical(tag, field="subtitle") == tag
