import pytest

from vitascope.transcoding.pipeline.validation.language import well_formed


class TestWellFormed:
    @pytest.mark.parametrize(
        "tag",
        ["en", "EN-us", "pt-BR", "zh-Hant-TW", "es-419", "sl-rozaj-biske", "de-CH-1996", "und", "gsw",
         "x-klingon", "zh-cmn-Hans-CN", "en-a-bbb-x-a", "zxx", "de-DE-u-co-phonebk"],
    )  # fmt: skip
    def test_tags(self, tag: str) -> None:
        """Tags with script, region, variants, extensions and private parts are tags."""
        assert well_formed(tag)

    @pytest.mark.parametrize(
        "tag",
        [
            "",
            "e",
            "english language",
            "en_US",
            "qq",
            "en-",
            "-en",
            "en-u",
            "abcdefghi",
            "de-1",
            "ü",
            "en" * 60,
        ],
    )
    def test_no_tags(self, tag: str) -> None:
        """Names, underscores, unknown two-letter languages and cut-off tags are none."""
        assert not well_formed(tag)
