"""What a tenant or a person wants made of a film: read from TOML or JSON, unknown fields refused.

Every part has a default, which is what `vitascope transcode FILE` makes.
"""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from vitascope.transcoding.pipeline.contracts import AudioCodec, Codec, ProfileInvalid
from vitascope.transcoding.pipeline.protection import ProtectionProfile

Ladder = Literal["fixed", "auto"]
Hdr = Literal["keep", "tonemap"]
Hardware = Literal["auto", "never", "require"]
Lufs = Annotated[float, Meta(ge=-40.0, le=-8.0)]
Decibels = Annotated[float, Meta(ge=-9.0, le=0.0)]
Bits = Annotated[int, Meta(ge=32_000, le=768_000)]
Instants = Annotated[tuple[Annotated[float, Meta(ge=0.0)], ...], Meta(max_length=50)]

_MOST_RUNGS = 24
GREATEST_CRF: dict[Codec, int] = {"h264": 51, "hevc": 51, "av1": 63, "vp9": 63}
"""Where the scale of each codec ends."""

_PLACE = re.compile(r"(?P<said>.*?)(?: - at `\$\.?(?P<field>.*)`)?", re.DOTALL)


class RungProfile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step of an own ladder: the lines of a 16:9 box that it fills, and bits per second at most.

    Without a codec it is made in each that the profile names. `crf` is on the scale of the rung's codec,
    without one on that of H.264, from which the others follow; left out, it is the usual one.
    """

    height: Annotated[int, Meta(ge=2, le=8192)]
    max_rate: Annotated[int, Meta(ge=10_000, le=400_000_000)]
    crf: Annotated[int, Meta(ge=1, le=63)] | None = None
    codec: Codec | None = None


class VideoProfile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the picture is encoded.

    `codecs` are made beside H.264, which always is. `hdr` says whether PQ and HLG stay what they are in
    HEVC and AV1; H.264 and VP9 are always mapped to BT.709. `hardware` encoders are used where they work
    (`auto`), or nothing is made without them (`require`). `rungs` replace the fixed ladder. `chunk_seconds`
    is about how much of the film one task encodes; by default it follows from the size of the picture,
    so that a task takes some seconds.
    """

    ladder: Ladder = "fixed"
    codecs: tuple[Codec, ...] = ("h264",)
    hdr: Hdr = "keep"
    hardware: Hardware = "auto"
    rungs: Annotated[tuple[RungProfile, ...], Meta(max_length=_MOST_RUNGS)] = ()
    chunk_seconds: Annotated[float, Meta(ge=0.1, le=3600.0)] | None = None

    @property
    def all_codecs(self) -> tuple[Codec, ...]:
        """Those to make: H.264 first, each once."""
        return tuple(dict.fromkeys(("h264", *self.codecs)))

    def codecs_of(self, rung: RungProfile) -> tuple[Codec, ...]:
        """Those in which a rung of its own is made."""
        return (rung.codec,) if rung.codec else self.all_codecs


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
    protection: ProtectionProfile | None = None


DEFAULT = Profile()


def load(file: Path) -> Profile:
    """Read a profile from a file whose name ends in .toml or .json; raises ProfileInvalid."""
    readers: dict[str, Callable[[bytes], Any]] = {".toml": msgspec.toml.decode, ".json": msgspec.json.decode}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise ProfileInvalid("A profile is a file that ends in .toml or .json.", field="profile")
    try:
        return of(reader(file.read_bytes()))
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise ProfileInvalid(f"{file.name} cannot be read: {problem}", field="profile") from problem
    except OSError as problem:
        raise ProfileInvalid(
            f"{file.name} cannot be opened: {problem.strerror}.", field="profile"
        ) from problem


def of(members: object) -> Profile:
    """A profile from plain values, as JSON has them; raises ProfileInvalid, which names the field."""
    try:
        profile = msgspec.convert(members, Profile)
    except msgspec.ValidationError as problem:
        told = _PLACE.fullmatch(str(problem))
        said, field = (told["said"], told["field"]) if told else (str(problem), None)
        raise ProfileInvalid(f"{said} (in {field or 'the profile'}).", field=field or "profile") from problem
    require_sound(profile.video)
    return profile


def require_sound(video: VideoProfile) -> None:
    """Raise ProfileInvalid where fields that are right alone do not go together."""
    if video.rungs and video.ladder == "auto":
        raise ProfileInvalid("Rungs of one's own are for the fixed ladder only.", field="video.rungs")
    for number, rung in enumerate(video.rungs):
        codec: Codec = rung.codec or "h264"
        if (rung.crf or 0) > GREATEST_CRF[codec]:
            said = f"The crf of {codec} ends at {GREATEST_CRF[codec]}; name the codec that is meant."
            raise ProfileInvalid(said, field=f"video.rungs[{number}].crf")
    _require_one_of_each(video)


def _require_one_of_each(video: VideoProfile) -> None:
    made = [(rung.height, codec) for rung in video.rungs for codec in video.codecs_of(rung)]
    height, codec = next((one for one, times in Counter(made).items() if times > 1), (0, ""))
    if codec:
        raise ProfileInvalid(f"Two rungs have {height} lines in {codec}.", field="video.rungs")
    if made and not any(codec == "h264" for _, codec in made):
        raise ProfileInvalid("No rung is in H.264, which plays everywhere; add one.", field="video.rungs")
