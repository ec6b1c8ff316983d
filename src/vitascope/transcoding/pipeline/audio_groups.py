"""Sound tracks in a multivariant playlist: a group for each codec and number of channels (RFC 8216).

A player takes one group and chooses among its tracks by name. So every group of a codec has every
track: one that is not in 5.1 stands in the 5.1 group as what it is.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from vitascope.transcoding.pipeline.contracts import AudioTrack, Mix

_NAME = re.compile(r'NAME="([^"]*)"')
_GROUP = re.compile(r'GROUP-ID="([^"]*)"')


class Sound(Protocol):
    """A sound track in a set."""

    @property
    def track(self) -> AudioTrack:
        """What it was made of."""

    @property
    def mix(self) -> Mix:
        """What was made."""

    @property
    def default(self) -> bool:
        """Whether it is heard unless somebody chooses another."""

    @property
    def folder(self) -> str:
        """Where it is in the set."""


def group_of(mix: Mix) -> str:
    """The group that a track is in; the one that everything plays is the first in the alphabet too."""
    codec = "" if mix.codec == "aac" else f"-{mix.codec}"
    return f"audio{codec}{'-surround' if mix.channels > 2 else ''}"


def arrange(sounds: Sequence[Sound], master: Path) -> None:
    """Say in a packaged playlist which tracks are the default and never chosen, and fill its groups."""
    by_folder = {sound.folder: sound for sound in sounds}
    lines = master.read_text(encoding="utf-8").splitlines()
    told = [_told(line, by_folder) if line.startswith("#EXT-X-MEDIA:TYPE=AUDIO") else line for line in lines]
    last = max((at for at, line in enumerate(told) if line.startswith("#EXT-X-MEDIA:TYPE=AUDIO")), default=-1)
    filled = [*told[: last + 1], *_missing(told), *told[last + 1 :]]
    master.write_text("\n".join(filled) + "\n", encoding="utf-8")


def _told(line: str, by_folder: dict[str, Sound]) -> str:
    """The packager chooses by language, and knows none of commentaries."""
    sound = by_folder[line.partition('URI="')[2].partition("/index.m3u8")[0]]
    line = line.replace("DEFAULT=YES", "DEFAULT=NO")
    if sound.default:
        return line.replace("DEFAULT=NO", "DEFAULT=YES")
    # A player may choose by language what is marked so: nobody wants to be given a commentary.
    return line.replace("AUTOSELECT=YES", "AUTOSELECT=NO") if sound.track.role == "commentary" else line


def _missing(lines: Sequence[str]) -> Iterator[str]:
    """The stereo tracks that a surround group lacks, under its name."""
    tracks = [line for line in lines if line.startswith("#EXT-X-MEDIA:TYPE=AUDIO")]
    groups: dict[str, dict[str, str]] = {}
    for line in tracks:
        groups.setdefault(_first(_GROUP, line), {})[_first(_NAME, line)] = line
    for group, named in groups.items():
        stereo = groups.get(group.removesuffix("-surround"), {})
        for name, line in stereo.items():
            if name not in named:
                yield _GROUP.sub(f'GROUP-ID="{group}"', line)


def _first(pattern: re.Pattern[str], line: str) -> str:
    match = pattern.search(line)
    return match[1] if match else ""
