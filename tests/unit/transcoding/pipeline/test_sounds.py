import pytest

from vitascope.transcoding.pipeline.contracts import AudioTrack, SoundRole
from vitascope.transcoding.pipeline.profile import AudioProfile
from vitascope.transcoding.pipeline.sounds import loudness, mixes, role_of


def track(channels: int) -> AudioTrack:
    """A sound track of so many channels."""
    return AudioTrack(
        index=1, codec="aac", channels=channels, sample_rate=48000, language="en", title=None, default=True
    )


class TestRoleOf:
    @pytest.mark.parametrize(
        ("flags", "title", "role"),
        [
            ({}, None, "main"),
            ({"default": 1}, "Stereo", "main"),
            ({"visual_impaired": 1}, None, "description"),
            ({"descriptions": 1}, None, "description"),
            ({"comment": 1}, None, "commentary"),
            ({"dub": 1}, "Deutsch", "dub"),
            ({}, "Director's Commentary", "commentary"),
            ({}, "Audiokommentar der Regie", "commentary"),
            ({}, "English Audio Description", "description"),
            ({}, "Hörfilmfassung", "description"),
            ({}, "Adagio", "main"),
        ],
    )
    def test_roles(self, flags: dict[str, int], title: str | None, role: SoundRole) -> None:
        """Flags of the container say what a track is for, else its title does."""
        assert role_of(flags, title) == role


class TestMixes:
    @pytest.mark.parametrize(
        ("channels", "made"), [(1, [2]), (2, [2]), (3, [2]), (6, [2, 6]), (8, [2, 6]), (16, [2])]
    )
    def test_channels(self, channels: int, made: list[int]) -> None:
        """Stereo is made of every track, and 5.1 of one that has as many channels in known places."""
        assert [mix.channels for mix in mixes([track(channels)], AudioProfile())] == made

    def test_codecs(self) -> None:
        """Opus is made beside AAC, at three quarters of its rate."""
        made = mixes([track(6)], AudioProfile(codecs=("opus",)))

        assert [(mix.codec, mix.channels, mix.bits) for mix in made] == [
            ("aac", 2, 128_000),
            ("aac", 6, 384_000),
            ("opus", 2, 96_000),
            ("opus", 6, 288_000),
        ]

    def test_without_surround(self) -> None:
        """A profile may do without 5.1."""
        assert [mix.channels for mix in mixes([track(6)], AudioProfile(surround=False))] == [2]


class TestLoudness:
    def test_kept(self) -> None:
        """A profile without a loudness leaves the sound as loud as it is."""
        assert loudness(AudioProfile(loudness=None)) is None
