"""What others may know of the pipeline: frozen values and errors.

VitascopeError
├── MediaRejected          422  the film cannot be transcoded as it is
│   ├── NotMedia                it is not a film at all
│   ├── UnreadableMedia         it looks like one, but cannot be decoded
│   ├── NoVideo                 there is no picture in it
│   ├── IncompleteMedia         much less of it decodes than it says there is
│   └── MediaBeyondLimits       more pixels, seconds or tracks than are taken here
├── TrackRejected          422  a subtitle or chapter file cannot be used as it is
├── TranscodeCancelled     409  somebody cancelled it
├── OutputOccupied         409  the output folder is not empty
├── OutputUnwritable       422  the output folder cannot be made
├── OutOfSpace             507  the disk is full
├── ProfileInvalid         422  a profile asks for something that there is not
├── HardwareUnusable       503  a hardware encoder is required but does not work, or failed
├── ProgramMissing         503  ffmpeg or the packager is not there
├── ProgramFailed          500  a program failed for a reason that is not the film
└── SetInvalid             500  the result did not pass its checks
"""

from collections.abc import Callable
from http import HTTPStatus
from math import floor
from typing import Literal

from msgspec import Struct

from vitascope.foundation.errors import Conflict, Invalid, Unavailable, VitascopeError


class MediaRejected(Invalid):
    """The film cannot be transcoded as it is."""


class NotMedia(MediaRejected):
    """The file is not a film; upload an MP4, MOV, MKV, WebM, AVI, MPEG, MXF, FLV, Ogg or WMV file."""


class UnreadableMedia(MediaRejected):
    """The file looks like a film but cannot be decoded; it may be damaged. Export it again."""


class NoVideo(MediaRejected):
    """There is no picture in this file, only other tracks; upload a file with a video track."""


class IncompleteMedia(MediaRejected):
    """Much less of the film can be decoded than its header promises; upload the whole file again."""


class MediaBeyondLimits(MediaRejected):
    """The film has more pixels, seconds or tracks than are taken here."""


class TrackRejected(Invalid):
    """The subtitle or chapter file cannot be used; give SRT, WebVTT or TTML."""


class TranscodeCancelled(Conflict):
    """The transcoding was cancelled."""


class OutputOccupied(Conflict):
    """The output folder is not empty; name another or empty it first."""


class OutputUnwritable(Invalid):
    """The output folder cannot be made there; name another."""


class OutOfSpace(VitascopeError):
    """The disk is full; free some space and try again."""

    status = HTTPStatus.INSUFFICIENT_STORAGE


class ProfileInvalid(Invalid):
    """The profile asks for something that there is not."""


class HardwareUnusable(Unavailable):
    """The hardware encoder that is required does not work here; `vitascope doctor` says what does."""


class ProgramMissing(Unavailable):
    """A program that is needed is missing; `vitascope doctor` says which and how to get it."""


class ProgramFailed(VitascopeError):
    """A program failed for a reason that is not the film."""


class SetInvalid(VitascopeError):
    """The transcoded set did not pass its checks and was not published."""


class Rate(Struct, frozen=True):
    """Frames per second as an exact fraction, such as 30000/1001."""

    numerator: int
    denominator: int = 1

    @property
    def hertz(self) -> float:
        """Frames per second, rounded to a thousandth."""
        return round(self.numerator / self.denominator, 3)

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"

    def seconds(self, frames: int) -> float:
        """How long this many frames last."""
        return frames * self.denominator / self.numerator

    def frames(self, seconds: float) -> int:
        """The number of whole frames nearest to this time."""
        return floor(seconds * self.numerator / self.denominator + 0.5)


Codec = Literal["h264", "hevc", "av1", "vp9"]
"""How pictures are coded; H.264 plays everywhere and is always made."""

Engine = Literal["nvenc", "qsv", "vaapi"]
"""Hardware that encodes: NVIDIA's, Intel's Quick Sync, and what Linux offers for AMD's and Intel's."""

DynamicRange = Literal["sdr", "pq", "hlg"]
"""BT.709, or one of the two transfers of ITU-R BT.2100."""

_RANGES: dict[str, DynamicRange] = {"smpte2084": "pq", "arib-std-b67": "hlg"}


class MasteringDisplay(Struct, frozen=True, kw_only=True):
    """SMPTE ST 2086: primaries and white in 1/50000, the most and least luminance in 1/10000 cd/m2."""

    red: tuple[int, int]
    green: tuple[int, int]
    blue: tuple[int, int]
    white: tuple[int, int]
    luminance: tuple[int, int]


class Hdr10(Struct, frozen=True, kw_only=True):
    """The static metadata of a film in PQ; `light` is MaxCLL and MaxFALL in cd/m2 (CTA-861.3)."""

    display: MasteringDisplay | None
    light: tuple[int, int] | None


class VideoTrack(Struct, frozen=True, kw_only=True):
    """The picture of a source; the display size has rotation and pixel shape applied."""

    index: int
    codec: str
    width: int
    height: int
    display_width: int
    display_height: int
    rotation: int
    frame_rate: Rate
    variable_rate: bool
    pixel_format: str
    bit_depth: int
    transfer: str | None
    interlaced: bool
    duration: float | None
    hdr10: Hdr10 | None = None

    @property
    def dynamic_range(self) -> DynamicRange:
        """What its transfer says: PQ and HLG are those of ITU-R BT.2100."""
        return _RANGES.get(self.transfer or "", "sdr")

    @property
    def high_dynamic_range(self) -> bool:
        """Whether the transfer is PQ or HLG."""
        return self.dynamic_range != "sdr"


SoundRole = Literal["main", "dub", "commentary", "description"]
"""What a sound track is for; a description tells what is seen to those who cannot see it."""

AudioCodec = Literal["aac", "opus"]


class AudioTrack(Struct, frozen=True, kw_only=True):
    """A sound track of a source; the language is a BCP 47 tag, `und` if unknown."""

    index: int
    codec: str
    channels: int
    sample_rate: int
    language: str
    title: str | None
    default: bool
    role: SoundRole = "main"


class TextTrack(Struct, frozen=True, kw_only=True):
    """A text subtitle track of a source; the language is a BCP 47 tag, `und` if unknown.

    A forced track is shown to all who hear the film: it translates signs and foreign speech. One for
    the hard of hearing tells of sounds as well. `side` is the digest of the file that a track comes
    from if it is not in the film; its index is then -1.
    """

    index: int
    codec: str
    language: str
    title: str | None
    default: bool
    forced: bool
    hard_of_hearing: bool = False
    side: str | None = None


class Chapter(Struct, frozen=True, kw_only=True):
    """A part of the film with a title, in seconds."""

    start: float
    end: float
    title: str


class SourceMedia(Struct, frozen=True, kw_only=True):
    """What a film file says about itself; seconds, bytes, bits per second.

    `start` is the time that the file gives to its beginning, which is seldom not zero.
    """

    container: str
    size: int
    start: float = 0.0
    duration: float | None
    bitrate: int | None
    video: VideoTrack
    audio: tuple[AudioTrack, ...]
    text: tuple[TextTrack, ...]
    ignored: tuple[str, ...]
    chapters: tuple[Chapter, ...] = ()


class Limits(Struct, frozen=True, kw_only=True):
    """What is taken: everything beyond is refused before anything of it is decoded."""

    pixels: int = 8192 * 8192
    duration: float = 12 * 3600.0
    streams: int = 64
    audio_tracks: int = 16
    text_tracks: int = 32


class Rung(Struct, frozen=True, kw_only=True):
    """One step of the ladder: a size, and the rate that it may not exceed in bits per second.

    `crf` is on the scale of its codec. Without an engine it is encoded in software.
    """

    name: str
    width: int
    height: int
    profile: str
    crf: int
    max_rate: int
    buffer: int
    codec: Codec = "h264"
    dynamic_range: DynamicRange = "sdr"
    engine: Engine | None = None


class Mix(Struct, frozen=True, kw_only=True):
    """A sound track to be made: of which of the plan's tracks, in which codec, channels and rate."""

    track: int
    codec: AudioCodec
    channels: Literal[2, 6]
    bits: int


class Loudness(Struct, frozen=True, kw_only=True):
    """How loud the sound shall be: integrated loudness in LUFS, and its greatest peak in dBTP."""

    target: float
    true_peak: float


class Plan(Struct, frozen=True, kw_only=True):
    """Everything that decides what is made of a source; equal plans make equal sets."""

    container: str
    start: float = 0.0
    video: VideoTrack
    audio: tuple[AudioTrack, ...]
    text: tuple[TextTrack, ...]
    duration: float | None
    frame_rate: Rate
    gop: int
    rungs: tuple[Rung, ...]
    chunk_seconds: float | None = None
    warnings: tuple[str, ...] = ()
    mixes: tuple[Mix, ...] = ()
    loudness: Loudness | None = None
    chapters: tuple[Chapter, ...] = ()
    thumbnails_at: tuple[float, ...] = ()
    poster_at: float | None = None

    @property
    def ordinary(self) -> tuple[Rung, ...]:
        """The rungs in H.264, largest first; there is at least one."""
        return tuple(rung for rung in self.rungs if rung.codec == "h264")

    @property
    def largest(self) -> Rung:
        """The rung of the largest picture: all others are scaled from it."""
        return max(self.rungs, key=lambda rung: rung.width * rung.height)

    @property
    def segment_seconds(self) -> float:
        """The length of a segment, which is one closed group of pictures."""
        return self.frame_rate.seconds(self.gop)


class Chunk(Struct, frozen=True, kw_only=True):
    """A part of the film by frames of the plan's rate; without a number of frames it is the rest."""

    number: int
    first: int
    frames: int | None

    @property
    def is_whole_film(self) -> bool:
        """Whether the film is not cut at all."""
        return self.first == 0 and self.frames is None


WHOLE_FILM = Chunk(number=0, first=0, frames=None)


class Progress(Struct, frozen=True, kw_only=True):
    """How far a stage is: 0 to 1, and while encoding the source frames done per second."""

    stage: str
    fraction: float
    frames_per_second: float | None = None


Listener = Callable[[Progress], None]
"""Hears progress, in the thread that runs the stage; what it raises ends the stage."""


def unheard(progress: Progress) -> None:
    """A listener for those who do not watch."""
