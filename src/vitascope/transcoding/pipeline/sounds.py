"""Which sound tracks are made of those of a source, and what each of them is for."""

import re
from collections.abc import Iterator, Mapping, Sequence

from vitascope.transcoding.pipeline.contracts import (
    AudioCodec,
    AudioTrack,
    Loudness,
    Mix,
    SoundRole,
)
from vitascope.transcoding.pipeline.profile import AudioProfile

_SURROUND_CHANNELS = range(6, 9)  # more than eight have no common places
_SHARE = {"aac": 1.0, "opus": 0.75}  # of AAC's rate for the same quality
# What the makers of films write in titles, in the languages that most of them speak.
_DESCRIPTION = re.compile(
    r"audio[\s-]?desc|described|descriptive|audiodeskription|audiodescrip|h[öo]rfilm|\bAD\b", re.IGNORECASE
)
_COMMENTARY = re.compile(r"comment|kommentar|coment[aá]rio", re.IGNORECASE)
_DISPOSITIONS: tuple[tuple[str, SoundRole], ...] = (
    ("visual_impaired", "description"),
    ("descriptions", "description"),
    ("comment", "commentary"),
    ("dub", "dub"),
)


def role_of(dispositions: Mapping[str, int], title: str | None) -> SoundRole:
    """What a track is for, by the flags of its container, else by its title."""
    for name, role in _DISPOSITIONS:
        if dispositions.get(name):
            return role
    if _DESCRIPTION.search(title or ""):
        return "description"
    return "commentary" if _COMMENTARY.search(title or "") else "main"


def mixes(tracks: Sequence[AudioTrack], profile: AudioProfile) -> tuple[Mix, ...]:
    """The sound tracks to be made; stereo in AAC, which everything plays, is made of each."""
    return tuple(mix for number, track in enumerate(tracks) for mix in _mixes_of(number, track, profile))


def loudness(profile: AudioProfile) -> Loudness | None:
    """The loudness to be aimed at."""
    if profile.loudness is None:
        return None
    return Loudness(target=profile.loudness, true_peak=profile.true_peak)


def _mixes_of(number: int, track: AudioTrack, profile: AudioProfile) -> Iterator[Mix]:
    codecs: tuple[AudioCodec, ...] = ("aac", *(codec for codec in profile.codecs if codec != "aac"))
    surround = profile.surround and track.channels in _SURROUND_CHANNELS
    for codec in dict.fromkeys(codecs):
        share = _SHARE[codec]
        yield Mix(track=number, codec=codec, channels=2, bits=round(profile.stereo_bits * share))
        if surround:
            yield Mix(track=number, codec=codec, channels=6, bits=round(profile.surround_bits * share))
