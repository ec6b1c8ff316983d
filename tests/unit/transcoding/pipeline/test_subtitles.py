from pathlib import Path

import pytest

from vitascope.transcoding.pipeline.contracts import TrackRejected
from vitascope.transcoding.pipeline.subtitles import SideText, read_subtitles, side_text, track_of

SRT = "1\n00:00:01,000 --> 00:00:02,000\nHello\n"
TTML = (
    '<tt xmlns="http://www.w3.org/ns/ttml" xml:lang="fr-ca"><body><p begin="1s" end="2s">Oh</p></body></tt>'
)


class TestSideText:
    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            ("film.srt", SideText(file=Path("film.srt"))),
            ("film.srt:ger", SideText(file=Path("film.srt"), language="de")),
            ("film.srt:en:forced", SideText(file=Path("film.srt"), language="en", forced=True)),
            ("a/b.vtt:en-gb:SDH", SideText(file=Path("a/b.vtt"), language="en-GB", hard_of_hearing=True)),
            ("film.srt:forced", SideText(file=Path("film.srt"), forced=True)),
        ],
    )
    def test_parts(self, said: str, expected: SideText) -> None:
        """File, language and kind are told apart."""
        assert side_text(said) == expected

    def test_colon_in_a_name(self, tmp_path: Path) -> None:
        """A name with a colon is a name if there is such a file."""
        file = tmp_path / "12:30"
        file.write_text(SRT, encoding="utf-8")

        assert side_text(str(file)) == SideText(file=file)

    def test_no_language(self) -> None:
        """What is no language is refused, with the field and the tag."""
        with pytest.raises(TrackRejected, match="'klingonian' is not a language tag") as refused:
            side_text("film.srt:klingonian")

        assert refused.value.field == "subtitle"


class TestTrackOf:
    def test_language_of_the_file(self, tmp_path: Path) -> None:
        """Without a language, the one that the file names is taken."""
        (tmp_path / "film.xml").write_text(TTML, encoding="utf-8")

        track = track_of(SideText(file=tmp_path / "film.xml", hard_of_hearing=True))

        assert (track.language, track.hard_of_hearing, track.forced) == ("fr-CA", True, False)

    def test_empty(self, tmp_path: Path) -> None:
        """A file without a single subtitle is refused before anything is encoded."""
        (tmp_path / "film.vtt").write_text("WEBVTT\n", encoding="utf-8")

        with pytest.raises(TrackRejected, match="no subtitles in it"):
            track_of(SideText(file=tmp_path / "film.vtt"))


class TestReadSubtitles:
    @pytest.mark.parametrize("name", ["film.srt", "film.ttml", "film.bin"])
    @pytest.mark.parametrize("text", [SRT, TTML, "WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n"])
    def test_by_content(self, tmp_path: Path, name: str, text: str) -> None:
        """What a file is follows from what is in it, whatever it is called."""
        (tmp_path / name).write_text(text, encoding="utf-16")

        cues, _ = read_subtitles(tmp_path / name)

        assert [(cue.start, cue.end) for cue in cues] == [(1.0, 2.0)]

    @pytest.mark.parametrize(
        ("text", "looks"),
        [
            ("[Script Info]\nTitle: x", "an ASS or SSA file"),
            ("{1}{25}Hi", "a MicroDVD file"),
            ("hi", "something else"),
        ],
    )
    def test_others(self, tmp_path: Path, text: str, looks: str) -> None:
        """Another format is refused by its name."""
        (tmp_path / "film.srt").write_text(text, encoding="utf-8")

        with pytest.raises(TrackRejected, match=looks):
            read_subtitles(tmp_path / "film.srt")
