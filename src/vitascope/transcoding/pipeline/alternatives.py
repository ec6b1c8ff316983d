"""The same rungs in other codecs: for players that can read them, the same picture for fewer bits."""

from collections.abc import Sequence

from msgspec.structs import replace

from vitascope.transcoding.pipeline.contracts import (
    Codec,
    DynamicRange,
    Rung,
    VideoTrack,
)
from vitascope.transcoding.pipeline.profile import GREATEST_CRF, Hdr, VideoProfile

CRF: dict[Codec, int] = {"h264": 23, "hevc": 26, "av1": 41, "vp9": 39}
"""What looks alike in each codec, on its own scale (docs/decisions/0105-codecs-in-closed-groups.md)."""

_CRF_STEP: dict[Codec, float] = {"h264": 1.0, "hevc": 1.0, "av1": 1.5, "vp9": 1.5}
_RATE: dict[Codec, float] = {"h264": 1.0, "hevc": 0.7, "av1": 0.65, "vp9": 0.8}
_WIDE = frozenset({"hevc", "av1"})


def in_codecs(rungs: Sequence[Rung], video: VideoTrack, profile: VideoProfile) -> tuple[Rung, ...]:
    """H.264 rungs, followed by the same in every other codec of the profile."""
    return tuple(
        translated(rung, codec, dynamic_range=range_in(codec, video, profile.hdr))
        for codec in profile.all_codecs
        for rung in rungs
    )


def in_kinds(rungs: Sequence[Rung], others: Sequence[Rung]) -> tuple[Rung, ...]:
    """H.264 rungs in each codec, range and engine that other rungs have, in their order."""
    kinds = dict.fromkeys((rung.codec, rung.dynamic_range, rung.engine) for rung in others)
    return tuple(
        replace(translated(rung, codec, dynamic_range=dynamic_range), engine=engine)
        for codec, dynamic_range, engine in kinds
        for rung in rungs
    )


def translated(rung: Rung, codec: Codec, *, dynamic_range: DynamicRange) -> Rung:
    """What shows an H.264 rung's picture in another codec."""
    crf = round(CRF[codec] + (rung.crf - CRF["h264"]) * _CRF_STEP[codec])
    max_rate = round(rung.max_rate * _RATE[codec])
    crf = max(1, min(GREATEST_CRF[codec], crf))
    return coded(rung, codec, crf=crf, max_rate=max_rate, dynamic_range=dynamic_range)


def coded(rung: Rung, codec: Codec, *, crf: int, max_rate: int, dynamic_range: DynamicRange) -> Rung:
    """An H.264 rung's size in a codec, at this quality and rate."""
    return replace(
        rung,
        name=rung.name if codec == "h264" else f"{rung.name}-{codec}",
        profile=_profile(rung, codec, dynamic_range),
        crf=crf,
        max_rate=max_rate,
        buffer=round(rung.buffer * max_rate / rung.max_rate),
        codec=codec,
        dynamic_range=dynamic_range,
    )


def range_in(codec: Codec, video: VideoTrack, hdr: Hdr) -> DynamicRange:
    """The dynamic range of a film in a codec: H.264 and VP9 are for every screen."""
    return video.dynamic_range if hdr == "keep" and codec in _WIDE else "sdr"


def _profile(rung: Rung, codec: Codec, dynamic_range: DynamicRange) -> str:
    if codec == "hevc":
        return "main" if dynamic_range == "sdr" else "main10"
    return {"h264": rung.profile, "av1": "main"}.get(codec, "0")
