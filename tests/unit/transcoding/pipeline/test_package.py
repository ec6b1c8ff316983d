import pytest

from vitascope.transcoding.pipeline.contracts import AudioTrack
from vitascope.transcoding.pipeline.package import names


def track(language: str, title: str | None = None) -> AudioTrack:
    """A sound track."""
    return AudioTrack(
        index=0, codec="aac", channels=2, sample_rate=48000, language=language, title=title, default=False
    )


class TestNames:
    @pytest.mark.parametrize(
        ("tracks", "expected"),
        [
            ([track("en"), track("de")], ["en", "de"]),
            ([track("en"), track("en"), track("en")], ["en", "en 2", "en 3"]),
            ([track("und"), track("und")], ["Sound", "Sound 2"]),
            ([track("en", "Director"), track("fr", "Director")], ["Director", "Director 2"]),
        ],
    )
    def test_unique(self, tracks: list[AudioTrack], expected: list[str]) -> None:
        """Every track of a group has a name of its own, as HLS demands."""
        assert names(tracks, "Sound") == expected
