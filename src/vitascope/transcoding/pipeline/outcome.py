"""What a transcoding made and what that took: the account of a finished set, in frozen values."""

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import Chapter, SoundRole, SourceMedia


class Quality(Struct, frozen=True, kw_only=True):
    """VMAF of a rendition, 0 to 100, over sampled frames: two means and what 99 % of them reach."""

    mean: float
    harmonic_mean: float
    first_percentile: float
    frames: int


class Rendition(Struct, frozen=True, kw_only=True):
    """One finished video rendition; bandwidths in bits per second, the peak over whole segments.

    Its quality is known where the profile asks for it.
    """

    name: str
    width: int
    height: int
    codec: str
    frame_rate: float
    average_bandwidth: int
    peak_bandwidth: int
    frames: int
    duration: float
    playlist: str
    quality: Quality | None = None


class SoundRendition(Struct, frozen=True, kw_only=True):
    """One finished audio rendition; its loudness in LUFS if it was brought to one by `gain` decibels."""

    language: str
    name: str
    default: bool
    role: SoundRole = "main"
    codec: str
    channels: int = 2
    loudness: float | None = None
    gain: float = 0.0
    average_bandwidth: int
    peak_bandwidth: int
    playlist: str


class Caption(Struct, frozen=True, kw_only=True):
    """One finished WebVTT text track; `file` is the whole track, beside its segments."""

    language: str
    name: str
    default: bool
    forced: bool
    hard_of_hearing: bool = False
    playlist: str
    file: str


class Picture(Struct, frozen=True, kw_only=True):
    """A JPEG in the set."""

    file: str
    width: int
    height: int


class Still(Struct, frozen=True, kw_only=True):
    """The picture that is seen at a second of the film."""

    at: float
    picture: Picture


class Pictures(Struct, frozen=True, kw_only=True):
    """Poster in several sizes (largest first), the seek bar's thumbnails: index and sheets, and stills."""

    posters: tuple[Picture, ...]
    thumbnails: str
    sheets: tuple[Picture, ...]
    stills: tuple[Still, ...] = ()


class Manifests(Struct, frozen=True, kw_only=True):
    """The two ways into the set, relative to its folder."""

    hls: str
    dash: str


class StageTime(Struct, frozen=True, kw_only=True):
    """Seconds that a stage took; CPU is that of its programs. Zero CPU: the result was there."""

    wall: float
    cpu: float


class Outcome(Struct, frozen=True, kw_only=True):
    """A published set: what it was made of, what is in it (paths relative to the folder), its cost."""

    source: SourceMedia
    renditions: tuple[Rendition, ...]
    audio: tuple[SoundRendition, ...]
    captions: tuple[Caption, ...]
    manifests: Manifests
    pictures: Pictures
    chapters: tuple[Chapter, ...] = ()
    duration: float
    warnings: tuple[str, ...]
    stages: dict[str, StageTime]
