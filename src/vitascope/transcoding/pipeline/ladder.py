"""The fixed ladder: which sizes, at which rates, and how long a group of pictures is."""

from math import ceil
from typing import get_args

from msgspec.structs import replace

from vitascope.transcoding.pipeline import sounds
from vitascope.transcoding.pipeline.alternatives import CRF, coded, in_codecs, range_in, translated
from vitascope.transcoding.pipeline.contracts import (
    Codec,
    Plan,
    Rate,
    Rung,
    SourceMedia,
    VideoTrack,
)
from vitascope.transcoding.pipeline.profile import DEFAULT, Profile, RungProfile, VideoProfile

_SEGMENT_SECONDS = 2.0
_BUFFER_SECONDS = 1.0  # of the greatest rate: a segment of two seconds then stays near it
_FULL_RATE_HERTZ = 32  # above it, a rung may use more bits: more frames to the second
_HIGH_RATE_FACTOR = 1.4
_SMALLEST_RATE = 100_000
_PIXELS_OF_360 = 640 * 360
_LEAST_HIGH = 720  # lines, from which on H.264 has its high profile
_CODECS: tuple[Codec, ...] = get_args(Codec)
# Lines, the greatest rate in bits per second, the H.264 profile; each fits in a box of 16:9.
_STEPS = (
    (1080, 5_000_000, "high"),
    (720, 2_800_000, "high"),
    (480, 1_400_000, "main"),
    (360, 800_000, "main"),
)


def plan(media: SourceMedia, profile: Profile = DEFAULT) -> Plan:
    """What to make of a source in software; the same source and profile always give the same plan."""
    rate = media.video.frame_rate
    rungs, warnings = _rungs(media.video, profile.video)
    return Plan(
        container=media.container,
        start=media.start,
        video=media.video,
        audio=media.audio,
        text=media.text,
        duration=media.duration,
        frame_rate=rate,
        # Never shorter than the segment: the packager cuts at the first key frame after it.
        gop=max(1, ceil(round(_SEGMENT_SECONDS * rate.numerator / rate.denominator, 6))),
        rungs=rungs,
        chunk_seconds=profile.video.chunk_seconds,
        warnings=warnings,
        mixes=sounds.mixes(media.audio, profile.audio),
        loudness=sounds.loudness(profile.audio),
        chapters=media.chapters,
        thumbnails_at=profile.pictures.thumbnails_at,
        poster_at=profile.pictures.poster_at,
    )


def _rungs(video: VideoTrack, profile: VideoProfile) -> tuple[tuple[Rung, ...], tuple[str, ...]]:
    if profile.rungs:
        return own_rungs(video, profile)
    return in_codecs(rungs_for(video), video, profile), ()


def own_rungs(video: VideoTrack, profile: VideoProfile) -> tuple[tuple[Rung, ...], tuple[str, ...]]:
    """The rungs of a profile that the source fills, H.264 first, and a warning for each that it does not.

    If it fills none in H.264, there is one of its own size.
    """
    steps = sorted(profile.rungs, key=lambda step: -step.height)
    made = tuple(
        _own_rung(video, step, codec, profile)
        for codec in _CODECS
        for step in steps
        if codec in profile.codecs_of(step) and _reaches(video, step.height)
    )
    least = () if any(rung.codec == "h264" for rung in made) else (_own_size(video),)
    return (*least, *made), tuple(_dropped(step) for step in steps if not _reaches(video, step.height))


def _own_rung(video: VideoTrack, step: RungProfile, codec: Codec, profile: VideoProfile) -> Rung:
    name = "high" if step.height >= _LEAST_HIGH else "main"
    rung, seen = _rung(video, step.height, step.max_rate, name), range_in(codec, video, profile.hdr)
    if step.codec is None:
        return translated(replace(rung, crf=step.crf or rung.crf), codec, dynamic_range=seen)
    return coded(rung, codec, crf=step.crf or CRF[codec], max_rate=rung.max_rate, dynamic_range=seen)


def _dropped(step: RungProfile) -> str:
    kind = f" in {step.codec}" if step.codec else ""
    return f"The film is smaller than the rung of {step.height} lines{kind}; that rung is left out."


def rungs_for(video: VideoTrack) -> tuple[Rung, ...]:
    """The rungs, largest first: none larger than the source, and always at least one.

    A rung of N lines is the largest picture of the source's shape within 16:9 of N lines (9:16 for
    portrait), so a 1920x804 film has a 1080p rung at its full width.
    """
    rungs = [_rung(video, *step) for step in _STEPS if _reaches(video, step[0])]
    return tuple(rungs) or (_own_size(video),)


def _box(lines: int, *, portrait: bool) -> tuple[int, int]:
    long, short = ceil(lines * 16 / 9 / 2) * 2, lines
    return (short, long) if portrait else (long, short)


def _portrait(video: VideoTrack) -> bool:
    return video.display_height > video.display_width


def _reaches(video: VideoTrack, lines: int) -> bool:
    width, height = _box(lines, portrait=_portrait(video))
    return video.display_width >= width or video.display_height >= height


def _rung(video: VideoTrack, lines: int, max_rate: int, profile: str) -> Rung:
    box = _box(lines, portrait=_portrait(video))
    scale = min(1.0, box[0] / video.display_width, box[1] / video.display_height)
    width, height = (
        _even(side * scale, min(side, bound)) for side, bound in zip(_size(video), box, strict=True)
    )
    return Rung(
        name=f"{lines}p",
        width=width,
        height=height,
        profile=profile,
        crf=CRF["h264"],
        max_rate=_for_rate(max_rate, video.frame_rate),
        buffer=round(_for_rate(max_rate, video.frame_rate) * _BUFFER_SECONDS),
    )


def _own_size(video: VideoTrack) -> Rung:
    width, height = (max(2, side // 2 * 2) for side in _size(video))
    max_rate = max(_SMALLEST_RATE, round(_STEPS[-1][1] * width * height / _PIXELS_OF_360))
    max_rate = _for_rate(min(max_rate, _STEPS[-1][1]), video.frame_rate)
    return Rung(
        name=f"{min(width, height)}p",
        width=width,
        height=height,
        profile="main",
        crf=CRF["h264"],
        max_rate=max_rate,
        buffer=round(max_rate * _BUFFER_SECONDS),
    )


def _size(video: VideoTrack) -> tuple[int, int]:
    return video.display_width, video.display_height


def _even(side: float, bound: int) -> int:
    """The nearest even number that is neither beyond the bound nor zero."""
    return max(2, min(bound // 2, round(side / 2)) * 2)


def _for_rate(bits: int, rate: Rate) -> int:
    return round(bits * _HIGH_RATE_FACTOR) if rate.hertz > _FULL_RATE_HERTZ else bits
