"""What a tenant or a person wants made of a film: read from TOML or JSON, unknown fields refused.

Every part has a default, which is what `vitascope transcode FILE` makes.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from vitascope.transcoding.pipeline.contracts import AudioCodec

Ladder = Literal["fixed", "auto"]
Lufs = Annotated[float, Meta(ge=-40.0, le=-8.0)]
Decibels = Annotated[float, Meta(ge=-9.0, le=0.0)]
Bits = Annotated[int, Meta(ge=32_000, le=768_000)]
Instants = Annotated[tuple[Annotated[float, Meta(ge=0.0)], ...], Meta(max_length=50)]


class VideoProfile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the picture is encoded.

    `chunk_seconds` is about how much of the film one task encodes; by default it follows from the
    size of the picture, so that a task takes some seconds.
    """

    ladder: Ladder = "fixed"
    chunk_seconds: float | None = None


class AudioProfile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the sound is encoded, rates in bits per second.

    AAC is always made; other codecs are offered beside it. Sound of six and more channels is kept in
    5.1 beside a stereo downmix. `loudness` is the integrated loudness aimed at in LUFS (EBU R 128),
    without it the sound keeps its own; `true_peak` is what no peak shall exceed, in dBTP.
    """

    codecs: tuple[AudioCodec, ...] = ()
    surround: bool = True
    stereo_bits: Bits = 128_000
    surround_bits: Bits = 384_000
    loudness: Lufs | None = -16.0
    true_peak: Decibels = -1.0


class PicturesProfile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which pictures are drawn at which seconds of the film, beside poster and seek bar thumbnails."""

    thumbnails_at: Instants = ()
    poster_at: Annotated[float, Meta(ge=0.0)] | None = None


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be chosen."""

    video: VideoProfile = VideoProfile()
    audio: AudioProfile = AudioProfile()
    pictures: PicturesProfile = PicturesProfile()


DEFAULT = Profile()
