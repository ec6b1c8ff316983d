"""What independent readers of HLS and DASH find of the tracks of a film that has all kinds of them."""

from pathlib import Path

import m3u8
import pytest
from mpegdash.parser import MPEGDASHParser
from tests.integration.transcoding.pipeline.conftest import Published
from tests.integration.transcoding.pipeline.corpus import SUBTITLES, Corpus

from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.outcome import Outcome
from vitascope.transcoding.pipeline.profile import AudioProfile, PicturesProfile, Profile
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.side_files import SideFiles
from vitascope.transcoding.pipeline.subtitles import SideText
from vitascope.transcoding.pipeline.verify import verify
from vitascope.transcoding.pipeline.workbench import Workbench

DESCRIBES = "public.accessibility.describes-video"
TRANSCRIBES = "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"


@pytest.fixture(scope="module")
def whole(corpus: Corpus, bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    """The set of that film, with two subtitle files beside it, in AAC and Opus."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "film.srt").write_text(SUBTITLES, encoding="utf-16")
    side = SideText(file=folder / "film.srt", language="de-CH")
    beside = SideFiles(
        texts=(
            SideText(file=side.file, language="de-CH", hard_of_hearing=True),
            SideText(file=side.file, language="en", forced=True),
        )
    )
    profile = Profile(
        audio=AudioProfile(codecs=("opus",)), pictures=PicturesProfile(thumbnails_at=(2.5,), poster_at=1.0)
    )
    outcome = Pipeline(bench).transcode(corpus["tracks"], out=folder / "set", profile=profile, beside=beside)
    return outcome, folder / "set"


class TestPackage:
    def test_audio_groups(self, whole: tuple[Outcome, Path]) -> None:
        """Every group of a codec has all tracks, stereo where there is no 5.1, and the same default."""
        master = m3u8.load(str(whole[1] / "master.m3u8"))

        groups: dict[str, list[tuple[str, str, str, str]]] = {}
        for media in (media for media in master.media if media.type == "AUDIO"):
            told = (media.name, media.channels, media.default, media.autoselect)
            groups.setdefault(media.group_id, []).append(told)

        surround = {
            ("en", "6", "YES", "YES"),
            ("Director's commentary", "2", "NO", None),
            ("de", "2", "NO", "YES"),
            ("fr (audio description)", "2", "NO", "YES"),
        }
        stereo = {("en", "2", "YES", "YES"), *(one for one in surround if one[0] != "en")}
        assert {name: set(members) for name, members in groups.items()} == {
            "audio": stereo,
            "audio-surround": surround,
            "audio-opus": stereo,
            "audio-opus-surround": surround,
        }
        codecs = {one.stream_info.audio: one.stream_info.codecs.split(",")[1] for one in master.playlists}
        assert codecs == {
            "audio": "mp4a.40.2",
            "audio-surround": "mp4a.40.2",
            "audio-opus": "opus",
            "audio-opus-surround": "opus",
        }

    def test_characteristics(self, whole: tuple[Outcome, Path]) -> None:
        """HLS says which sound describes the picture, which text is forced and which tells of sounds."""
        media = m3u8.load(str(whole[1] / "master.m3u8")).media

        assert {one.name for one in media if one.characteristics == DESCRIBES} == {"fr (audio description)"}
        texts = [one for one in media if one.type == "SUBTITLES"]
        assert [(one.language, one.name, one.forced, one.characteristics) for one in texts] == [
            ("en", "en", None, None),
            ("de-CH", "de-CH (SDH)", None, TRANSCRIBES),
            ("en", "en (forced)", "YES", None),
        ]

    def test_dash(self, whole: tuple[Outcome, Path]) -> None:
        """DASH says the same by roles, and no set mixes channels or codecs."""
        sets = MPEGDASHParser.parse(str(whole[1] / "manifest.mpd")).periods[0].adaptation_sets

        sounds = [one for one in sets if one.content_type == "audio"]
        told = sorted(
            (
                one.lang,
                one.roles[0].value,
                one.representations[0].codecs,
                one.representations[0].audio_channel_configurations[0].value,
                bool(one.accessibilities),
            )
            for one in sounds
        )
        codecs = ("mp4a.40.2", "opus")
        assert told == sorted(
            [("en", "main", codec, channels, False) for codec in codecs for channels in ("2", "6")]
            + [("en", "commentary", codec, "2", False) for codec in codecs]
            + [("de", "dub", codec, "2", False) for codec in codecs]
            + [("fr", "alternate", codec, "2", True) for codec in codecs]
        )
        assert all(len(one.representations) == 1 for one in sounds)
        texts = [one for one in sets if one.content_type == "text"]
        assert sorted((one.lang, one.roles[0].value) for one in texts) == [
            ("de-CH", "caption"),
            ("en", "forced-subtitle"),
            ("en", "subtitle"),
        ]

    def test_both_agree(self, whole: tuple[Outcome, Path]) -> None:
        """The two manifests and the outcome name the same sound and text tracks."""
        outcome, folder = whole

        master = m3u8.load(str(folder / "master.m3u8"))
        sets = MPEGDASHParser.parse(str(folder / "manifest.mpd")).periods[0].adaptation_sets

        sounds = {one.uri for one in master.media if one.type == "AUDIO"}
        assert sounds == {one.playlist for one in outcome.audio}
        of_dash = {
            one.representations[0].segment_templates[0].initialization.replace("init.mp4", "index.m3u8")
            for one in sets
        }
        texts = {one.playlist for one in outcome.captions}
        assert of_dash == sounds | texts | {one.playlist for one in outcome.renditions}
        assert {one.uri for one in master.media if one.type == "SUBTITLES"} == texts

    def test_chapters(self, whole: tuple[Outcome, Path]) -> None:
        """The film's own chapters are in the outcome, in the playlists, and in a WebVTT track."""
        outcome, folder = whole

        ranges = m3u8.load(str(folder / outcome.renditions[0].playlist)).segments[0].dateranges

        assert [(one.start, one.end, one.title) for one in outcome.chapters] == [
            (0.0, 1.5, "The Arrival"),
            (1.5, 4.0, "Die Jagd & mehr"),
        ]
        assert [(one.id, one.duration) for one in ranges] == [("chapter-1", 1.5), ("chapter-2", 2.5)]
        assert "Die Jagd &amp; mehr" in (folder / "chapters/chapters.vtt").read_text(encoding="utf-8")

    def test_stills(self, whole: tuple[Outcome, Path]) -> None:
        """The pictures that were asked for are drawn in the size of the largest rung."""
        outcome, folder = whole

        (still,) = outcome.pictures.stills

        assert (still.at, still.picture.width, still.picture.height) == (2.5, 320, 180)
        assert (folder / still.picture.file).read_bytes().startswith(b"\xff\xd8\xff")

    def test_a_moment(self, published: Published) -> None:
        """A film of a tenth of a second, sound and all, is a set too."""
        outcome, _ = published("moment")

        assert (outcome.renditions[0].frames, len(outcome.audio)) == (3, 1)

    def test_verified(self, whole: tuple[Outcome, Path], bench: Workbench) -> None:
        """A group that names a track which is not there is found."""
        folder = whole[1]
        master = folder / "master.m3u8"
        kept = master.read_text(encoding="utf-8")
        try:
            master.write_text(kept.replace("audio/1/index", "audio/99/index"), encoding="utf-8")

            with pytest.raises(SetInvalid):
                verify(folder, bench=bench)
        finally:
            master.write_text(kept, encoding="utf-8")
