import re
import subprocess
from pathlib import Path

import pytest
from tests.integration.transcoding.pipeline.corpus import TOOLS, Corpus, ffmpeg, tone

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.audio import EncodedSound, encode_sound, place
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.profile import AudioProfile, Profile
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench


class TestPlace:
    @pytest.mark.parametrize(("picture", "cut", "left"), [(2.0, 3.0, 2.0), (4.8, 0.0, 5.0), (9.0, 0.0, 5.0)])
    def test_cut(self, bench: Workbench, tmp_path: Path, picture: float, cut: float, left: float) -> None:
        """Sound is cut where it outlasts the picture by more than a moment, and else left as it is."""
        file, placed = tmp_path / "audio-0.mp4", tmp_path / "placed.mp4"
        ffmpeg(*tone(seconds=5), "-c:a", "aac", str(file))

        excess = place(file, out=placed, seconds=picture, bench=bench)

        assert excess == pytest.approx(cut, abs=0.1)
        assert mp4.read_track(placed).seconds == pytest.approx(left, abs=0.1)
        assert mp4.read_track(file).seconds == pytest.approx(5, abs=0.1)


def heard(file: Path, *, position: int = 0) -> tuple[float, float]:
    """Integrated loudness in LUFS and true peak in dBTP of a file's sound track, told by ffmpeg's ebur128."""
    meter = ("-map", f"0:a:{position}", "-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-")
    told = subprocess.run(
        [str(TOOLS.ffmpeg), "-nostdin", "-hide_banner", "-nostats", "-i", str(file), *meter],
        check=True, capture_output=True, text=True, timeout=120,
    ).stderr  # fmt: skip
    loudness, peak = re.search(r"I: +(\S+) LUFS", told), re.search(r"Peak: +(\S+) dBFS", told)
    assert loudness is not None
    assert peak is not None
    return float(loudness[1]), float(peak[1])


@pytest.fixture(scope="module")
def sound(corpus: Corpus, bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> EncodedSound:
    """The sound of a film with all kinds of tracks, in AAC and Opus."""
    pipeline = Pipeline(bench)
    profile = Profile(audio=AudioProfile(codecs=("opus",)))
    film = Film.of(corpus["tracks"], pipeline.plan(pipeline.probe(corpus["tracks"])[0], profile))
    return encode_sound(film, work=tmp_path_factory.mktemp("sound"), bench=bench)[0]


class TestEncodeSound:
    def test_loudness(self, corpus: Corpus, sound: EncodedSound) -> None:
        """Every track that can be heard is brought within half a unit of -16 LUFS, its peaks below 0 dBTP."""
        audible = [one for one in sound.tracks if one.loudness is not None]

        told = [heard(sound.folder / one.file) for one in audible]

        assert len(audible) == 6
        assert [loudness for loudness, _ in told] == pytest.approx([-16.0] * 6, abs=0.5)
        assert max(peak for _, peak in told) < 0.0
        assert heard(corpus["tracks"], position=0)[0] < -20.0
        assert heard(corpus["tracks"], position=1)[0] > -10.0

    def test_a_downmix_has_a_gain_of_its_own(self, sound: EncodedSound) -> None:
        """A downmix is louder than the 5.1 it is made of: the gain of one would be wrong for the other."""
        stereo, surround = sound.tracks[0], sound.tracks[1]

        assert (stereo.mix.channels, surround.mix.channels) == (2, 6)
        assert abs(stereo.gain - surround.gain) > 1.0

    def test_silence_and_moments(self, sound: EncodedSound) -> None:
        """Silence, and sound too short to be measured, are encoded as they are."""
        quiet = [one for one in sound.tracks if one.track.role in {"dub", "description"}]

        assert [(one.loudness, one.gain, one.duration > 0) for one in quiet] == [(None, 0.0, True)] * 4

    def test_kept(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """Without a target the sound stays as loud as it was."""
        pipeline = Pipeline(bench)
        profile = Profile(audio=AudioProfile(loudness=None, surround=False))
        plan = pipeline.plan(pipeline.probe(corpus["tracks"])[0], profile)

        made, _ = encode_sound(Film.of(corpus["tracks"], plan), work=tmp_path, bench=bench)

        before, _ = heard(corpus["tracks"], position=1)
        after, _ = heard(made.folder / made.tracks[1].file)
        assert after == pytest.approx(before, abs=0.5)

    def test_a_wrong_gain_would_be_heard(self, sound: EncodedSound, tmp_path: Path) -> None:
        """The measure of these tests tells sound that is one decibel off."""
        file = tmp_path / "louder.mp4"
        ffmpeg("-i", str(sound.folder / sound.tracks[0].file), "-af", "volume=1dB", "-c:a", "aac", str(file))

        assert abs(heard(file)[0] + 16.0) > 0.5
