from pathlib import Path

import pytest
from msgspec import Struct

from vitascope.transcoding.pipeline.audio_groups import arrange, group_of
from vitascope.transcoding.pipeline.contracts import (
    AudioCodec,
    AudioTrack,
    Mix,
    SoundRole,
)

MEDIA = (
    '#EXT-X-MEDIA:TYPE=AUDIO,URI="audio/{0}/index.m3u8",GROUP-ID="{1}",NAME="{2}",DEFAULT={3},AUTOSELECT=YES'
)


class Sound(Struct, frozen=True, kw_only=True):
    """A sound track in a set."""

    track: AudioTrack
    mix: Mix
    default: bool
    folder: str


def sound(number: int, *, channels: int = 2, default: bool = False, role: SoundRole = "main") -> Sound:
    """A packaged sound track."""
    track = AudioTrack(
        index=1,
        codec="aac",
        channels=6,
        sample_rate=48000,
        language="en",
        title=None,
        default=True,
        role=role,
    )
    mix = Mix(track=0, codec="aac", channels=6 if channels > 2 else 2, bits=128_000)
    return Sound(track=track, mix=mix, default=default, folder=f"audio/{number}")


class TestGroupOf:
    @pytest.mark.parametrize(
        ("codec", "channels", "group"),
        [
            ("aac", 2, "audio"),
            ("aac", 6, "audio-surround"),
            ("opus", 2, "audio-opus"),
            ("opus", 6, "audio-opus-surround"),
        ],
    )
    def test_names(self, codec: AudioCodec, channels: int, group: str) -> None:
        """There is a group for each codec and number of channels."""
        surround = channels > 2

        assert group_of(Mix(track=0, codec=codec, channels=6 if surround else 2, bits=1)) == group


class TestArrange:
    def test_groups_are_filled(self, tmp_path: Path) -> None:
        """A track that is not in 5.1 can be chosen while 5.1 is played, and only one is the default."""
        master = tmp_path / "master.m3u8"
        lines = [
            MEDIA.format(0, "audio", "en", "NO"),
            MEDIA.format(1, "audio-surround", "en", "NO"),
            MEDIA.format(2, "audio", "Commentary", "YES"),
        ]
        master.write_text("\n".join(["#EXTM3U", *lines, "#EXT-X-STREAM-INF:…"]) + "\n", encoding="utf-8")

        arrange(
            [sound(0, default=True), sound(1, channels=6, default=True), sound(2, role="commentary")], master
        )

        commentary = MEDIA.format(2, "audio", "Commentary", "NO").replace("AUTOSELECT=YES", "AUTOSELECT=NO")
        assert master.read_text(encoding="utf-8").splitlines() == [
            "#EXTM3U",
            MEDIA.format(0, "audio", "en", "YES"),
            MEDIA.format(1, "audio-surround", "en", "YES"),
            commentary,
            commentary.replace('"audio"', '"audio-surround"'),
            "#EXT-X-STREAM-INF:…",
        ]

    def test_silent(self, tmp_path: Path) -> None:
        """A film without sound keeps its playlist."""
        master = tmp_path / "master.m3u8"
        master.write_text("#EXTM3U\n", encoding="utf-8")

        arrange([], master)

        assert master.read_text(encoding="utf-8") == "#EXTM3U\n"
