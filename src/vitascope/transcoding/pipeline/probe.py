"""Read what a film file says about itself, without decoding it (of HDR, one picture)."""

import re
from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from vitascope.transcoding.pipeline import hdr10
from vitascope.transcoding.pipeline.chapters import chapters_of
from vitascope.transcoding.pipeline.contracts import (
    AudioTrack,
    Limits,
    MediaBeyondLimits,
    NoVideo,
    Rate,
    SourceMedia,
    TextTrack,
    UnreadableMedia,
    VideoTrack,
)
from vitascope.transcoding.pipeline.languages import tag_of
from vitascope.transcoding.pipeline.sandbox.program import NEVER, Bounds, Cancellation, Command, Finished, run
from vitascope.transcoding.pipeline.sniff import Container, sniff
from vitascope.transcoding.pipeline.sounds import role_of

_BOUNDS = Bounds(cpu=60, wall=120)
_TEXT_CODECS = {"mov_text", "subrip", "ass", "ssa", "webvtt", "text"}
_STANDARD_RATES = [
    Fraction(*pair)
    for pair in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1))
]
_SDH = re.compile(r"\b(SDH|CC|hard of hearing|hearing impaired)\b", re.IGNORECASE)
_HIGHEST_RATE = Fraction(60)
_SAME_RATE = 0.005  # two rates within half a percent are one: rounding in the header, not change
_DEFAULT_RATE = Fraction(25)

Stream = Mapping[str, Any]


def input_options(container: Container, *, pixels: int) -> tuple[str, ...]:
    """The options that must stand before every `-i` of a stranger's file, in ffmpeg and ffprobe."""
    return (
        "-protocol_whitelist",
        "file",
        "-format_whitelist",
        container.demuxer if container.demuxer != "mov" else "mov,mp4,m4a,3gp,3g2,mj2",
        "-f",
        container.demuxer,
        "-max_pixels",
        str(pixels),
    )


def input_name(path: Path) -> str:
    """A path as ffmpeg takes it literally: no pattern, no other protocol, never an option."""
    return f"file:{path.resolve()}"


def probe(
    source: Path, *, ffprobe: Path, limits: Limits, cancel: Cancellation = NEVER
) -> tuple[SourceMedia, float]:
    """Sniff and probe a file; answers what is in it and the CPU seconds that it took.

    Raises NotMedia, UnreadableMedia, NoVideo or MediaBeyondLimits.
    """
    container = sniff(source)
    finished = run(
        Command(
            program=ffprobe,
            arguments=(
                "-v",
                "error",
                *input_options(container, pixels=limits.pixels),
                *("-max_streams", "1000", "-show_streams", "-show_chapters", "-show_format", "-of", "json"),
                input_name(source),
            ),
            readable=(source.resolve(),),
        ),
        bounds=_BOUNDS,
        cancel=cancel,
    )
    media = understand(_report(finished), container=container, size=source.stat().st_size)
    require_within(media, limits)
    if not media.video.high_dynamic_range:
        return media, finished.cpu
    metadata, cpu = hdr10.read(
        source,
        input_options(container, pixels=limits.pixels),
        track=media.video.index,
        ffprobe=ffprobe,
        cancel=cancel,
    )
    return replace(media, video=replace(media.video, hdr10=metadata)), finished.cpu + cpu


def _report(finished: Finished) -> dict[str, Any]:
    if finished.code != 0:
        reason = f" ({finished.ended_by})" if finished.ended_by else ""
        raise UnreadableMedia(
            f"The file cannot be opened{reason}: it is damaged or was cut off before its index. "
            "Export or upload it again.",
            field="file",
        )
    report: dict[str, Any] = msgspec.json.decode(finished.output)
    return report


def understand(report: Mapping[str, Any], *, container: Container, size: int) -> SourceMedia:
    """Build the source's description from ffprobe's report; raises NoVideo or UnreadableMedia."""
    streams: list[Stream] = report.get("streams", [])
    pictures = [stream for stream in streams if _is_picture(stream)]
    if not pictures:
        raise NoVideo(field="file")
    chosen = max(pictures, key=lambda stream: (_flag(stream, "default"), -int(stream["index"])))
    sounds = [
        stream for stream in streams if stream.get("codec_type") == "audio" and _number(stream, "channels")
    ]
    texts = [stream for stream in streams if stream.get("codec_type") == "subtitle" and _is_text(stream)]
    used = {int(stream["index"]) for stream in (chosen, *sounds, *texts)}
    general = report.get("format", {})
    return SourceMedia(
        container=container.demuxer,
        size=size,
        start=_number(general, "start_time"),
        duration=_seconds(general, "duration"),
        bitrate=int(_number(general, "bit_rate")) or None,
        video=_video(chosen),
        audio=tuple(map(_audio, sounds)),
        text=tuple(map(_text, texts)),
        ignored=tuple(_ignored(stream) for stream in streams if int(stream["index"]) not in used),
        chapters=chapters_of(report.get("chapters", []), start=_number(general, "start_time")),
    )


def require_within(media: SourceMedia, limits: Limits) -> None:
    """Raise MediaBeyondLimits if anything is more than is taken, before it is decoded."""
    video, hours = media.video, (media.duration or 0.0) / 3600
    streams = 1 + len(media.audio) + len(media.text) + len(media.ignored)
    for number, most, said, unit in (
        (
            video.width * video.height,
            limits.pixels,
            f"The picture has {video.width}x{video.height} pixels",
            "pixels",
        ),
        (hours, limits.duration / 3600, f"The film says it lasts {hours:.1f} hours", "hours"),
        (streams, limits.streams, f"The file has {streams} tracks", "tracks"),
        (len(media.audio), limits.audio_tracks, f"The file has {len(media.audio)} sound tracks", "of them"),
        (len(media.text), limits.text_tracks, f"The file has {len(media.text)} subtitle tracks", "of them"),
    ):
        if number > most:
            raise MediaBeyondLimits(f"{said}; at most {most:,.10g} {unit} are taken.", field="file")


def nominal_rate(stated: Fraction, average: Fraction) -> tuple[Fraction, bool]:
    """The constant rate to encode at (at most 60), and whether the source's rate varies.

    `stated` is the rate by which all timestamps can be told, `average` frames over duration.
    """
    if stated <= 0 and average <= 0:
        return _DEFAULT_RATE, True
    variable = stated <= 0 or average <= 0 or abs(stated / average - 1) > _SAME_RATE
    rate = average if average > 0 else stated
    if variable:
        return next(
            (standard for standard in _STANDARD_RATES if standard >= rate * (1 - Fraction(1, 200))),
            _HIGHEST_RATE,
        ), True
    near = min(_STANDARD_RATES, key=lambda standard: abs(standard / stated - 1))
    exact = near if abs(near / stated - 1) < Fraction(1, 4000) else stated
    return exact / ceil(exact / _HIGHEST_RATE), False


def _video(stream: Stream) -> VideoTrack:
    width, height = int(_number(stream, "width")), int(_number(stream, "height"))
    if width < 1 or height < 1:
        raise UnreadableMedia("The picture has no size: the file is damaged.", field="file")
    rotation = _rotation(stream)
    display_width, display_height = _display_size(width, height, _pixel_shape(stream), rotation)
    rate, variable = nominal_rate(_ratio(stream, "r_frame_rate"), _ratio(stream, "avg_frame_rate"))
    pixel_format = str(stream.get("pix_fmt", "unknown"))
    return VideoTrack(
        index=int(stream["index"]),
        codec=str(stream.get("codec_name", "unknown")),
        width=width,
        height=height,
        display_width=display_width,
        display_height=display_height,
        rotation=rotation,
        frame_rate=Rate(rate.numerator, rate.denominator),
        variable_rate=variable,
        pixel_format=pixel_format,
        bit_depth=_bit_depth(stream, pixel_format),
        transfer=stream.get("color_transfer"),
        interlaced=stream.get("field_order") in {"tt", "bb", "tb", "bt"},
        duration=_seconds(stream, "duration"),
    )


def _display_size(width: int, height: int, pixel_shape: Fraction, rotation: int) -> tuple[int, int]:
    # Widen or narrow only: a picture is shown with as many lines as it has.
    shown = (max(1, round(width * pixel_shape)), height)
    return (shown[1], shown[0]) if rotation in {90, 270} else shown


def _rotation(stream: Stream) -> int:
    for side in stream.get("side_data_list", []):
        if "rotation" in side:
            return round(-float(side["rotation"]) / 90) * 90 % 360
    return 0


def _pixel_shape(stream: Stream) -> Fraction:
    shape = _ratio(stream, "sample_aspect_ratio")
    # Shapes beyond these are damage, not anamorphic film.
    return shape if Fraction(1, 4) <= shape <= 4 else Fraction(1)


def _bit_depth(stream: Stream, pixel_format: str) -> int:
    stated = int(_number(stream, "bits_per_raw_sample"))
    return stated or next((depth for depth in (16, 14, 12, 10) if f"p{depth}" in pixel_format), 8)


def _audio(stream: Stream) -> AudioTrack:
    return AudioTrack(
        index=int(stream["index"]),
        codec=str(stream.get("codec_name", "unknown")),
        channels=int(_number(stream, "channels")),
        sample_rate=int(_number(stream, "sample_rate")),
        language=_language(stream),
        title=_title(stream),
        default=_flag(stream, "default"),
        role=role_of(stream.get("disposition", {}), _title(stream)),
    )


def _text(stream: Stream) -> TextTrack:
    return TextTrack(
        index=int(stream["index"]),
        codec=str(stream.get("codec_name", "unknown")),
        language=_language(stream),
        title=_title(stream),
        default=_flag(stream, "default"),
        forced=_flag(stream, "forced"),
        hard_of_hearing=_flag(stream, "hearing_impaired") or bool(_SDH.search(_title(stream) or "")),
    )


def _ignored(stream: Stream) -> str:
    kind = "picture" if _flag(stream, "attached_pic") else stream.get("codec_type", "unknown")
    return f"track {stream['index']}: {kind} ({stream.get('codec_name', 'unknown')})"


def _is_picture(stream: Stream) -> bool:
    still = any(_flag(stream, name) for name in ("attached_pic", "timed_thumbnails", "still_image"))
    return stream.get("codec_type") == "video" and not still


def _is_text(stream: Stream) -> bool:
    return stream.get("codec_name") in _TEXT_CODECS


def _flag(stream: Stream, name: str) -> bool:
    return bool(stream.get("disposition", {}).get(name))


def _tag(stream: Stream, name: str) -> str | None:
    tags = {key.lower(): value for key, value in stream.get("tags", {}).items()}
    return tags.get(name)


def _language(stream: Stream) -> str:
    return tag_of(_tag(stream, "language"))


def _title(stream: Stream) -> str | None:
    """The track's title without what could break a manifest or a terminal, at most 60 characters."""
    text = "".join(c if c.isprintable() and c not in '"<>&=,' else " " for c in _tag(stream, "title") or "")
    return " ".join(text.split())[:60] or None


def _number(values: Mapping[str, Any], name: str) -> float:
    try:
        return float(values.get(name, 0))
    except ValueError:
        return 0.0


def _seconds(values: Mapping[str, Any], name: str) -> float | None:
    seconds = _number(values, name)
    return seconds if 0 < seconds < float("inf") else None


def _ratio(stream: Stream, name: str) -> Fraction:
    above, _, below = str(stream.get(name, "0")).replace(":", "/").partition("/")
    try:
        return Fraction(int(above), int(below or 1))
    except (ValueError, ZeroDivisionError):
        return Fraction(0)
