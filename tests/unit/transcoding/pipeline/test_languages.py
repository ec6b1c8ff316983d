import pytest

from vitascope.transcoding.pipeline.languages import tag_of


class TestTagOf:
    @pytest.mark.parametrize(
        ("code", "tag"),
        [
            ("eng", "en"),
            ("ger", "de"),
            ("deu", "de"),
            ("fr", "fr"),
            ("chi", "zh"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("pt_BR", "pt-BR"),
            ("gsw", "gsw"),
            ("und", "und"),
            (None, "und"),
            ("", "und"),
            ("English", "und"),
            ('en",URI="http://x', "und"),
        ],
    )
    def test_tags(self, code: str | None, tag: str) -> None:
        """A code becomes the shortest tag of its language, nonsense the tag of an unknown one."""
        assert tag_of(code) == tag
