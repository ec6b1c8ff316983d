"""How coded video begins: whether a player can start at a sample and needs nothing from before it.

Reads as much of a sample as tells the type of its first picture: ITU-T H.264 7.3.1, H.265 7.3.1.2,
the AV1 bitstream specification 5.3 and 5.9, the VP9 bitstream specification 6.2. Where pictures are
encrypted (ISO/IEC 23001-7) these bytes are not.
"""

from collections.abc import Iterator
from enum import StrEnum


class Opening(StrEnum):
    """What stands at the start of a fragment."""

    KEY = "key"  # a picture after which nothing refers to what came before
    OPEN = "open"  # a key picture with leading pictures that need the fragment before
    OTHER = "other"
    UNKNOWN = "unknown"  # no video, or a codec that is not read here


_H264_PICTURES = range(1, 6)
_H264_IDR = 5
_HEVC_PICTURES = range(32)
_HEVC_KEY = frozenset({16, 17, 18, 19, 20})  # BLA and IDR: leading pictures are dropped, or decodable
_HEVC_CRA = 21
_HEVC_RASL = frozenset({8, 9})
_HEVC_LEADING = range(6, 10)
_AV1_SEQUENCE, _AV1_FRAME_HEADER, _AV1_FRAME = 1, 3, 6


def opening(entry: str, media: bytes, *, unit_length: int = 4) -> Opening:
    """How the samples of a sample entry such as `avc1` begin; `unit_length` is that of NAL length fields."""
    if entry in {"avc1", "avc3"}:
        return _h264(media, unit_length)
    if entry in {"hvc1", "hev1"}:
        return _hevc(media, unit_length)
    if entry == "av01":
        return _av1(media)
    return _vp9(media) if entry == "vp09" else Opening.UNKNOWN


def _units(media: bytes, unit_length: int) -> Iterator[int]:
    """The first byte of each NAL unit; a unit that is cut off still has one."""
    position = 0
    while position + unit_length < len(media):
        yield media[position + unit_length]
        position += unit_length + int.from_bytes(media[position : position + unit_length], "big")


def _h264(media: bytes, unit_length: int) -> Opening:
    kinds = (first & 0x1F for first in _units(media, unit_length))
    picture = next((kind for kind in kinds if kind in _H264_PICTURES), None)
    return Opening.KEY if picture == _H264_IDR else Opening.OTHER


def _hevc(media: bytes, unit_length: int) -> Opening:
    pictures = (
        kind for first in _units(media, unit_length) if (kind := (first >> 1) & 0x3F) in _HEVC_PICTURES
    )
    picture = next(pictures, None)
    if picture in _HEVC_KEY:
        return Opening.KEY
    return _clean(pictures) if picture == _HEVC_CRA else Opening.OTHER


def _clean(pictures: Iterator[int]) -> Opening:
    """A clean random access picture closes its group only if no leading picture skips over it."""
    for kind in pictures:
        if kind in _HEVC_RASL:
            return Opening.OPEN
        if kind not in _HEVC_LEADING and kind != _HEVC_CRA:
            break
    return Opening.KEY


def _av1(media: bytes) -> Opening:
    described = False
    for kind, payload in _av1_units(media):
        if kind == _AV1_SEQUENCE:
            described = True
        elif kind in {_AV1_FRAME_HEADER, _AV1_FRAME}:
            # show_existing_frame 0, frame_type KEY_FRAME 00, show_frame 1
            shown_key = payload[:1] and payload[0] >> 4 == 0b0001
            return Opening.KEY if described and shown_key else Opening.OTHER
    return Opening.OTHER


def _av1_units(media: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(media):
        header = media[position]
        position += 2 if header & 0x04 else 1
        size, position = _leb128(media, position) if header & 0x02 else (len(media) - position, position)
        yield (header >> 3) & 0x0F, media[position : position + size]
        position += size


def _leb128(media: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(media[position : position + 8]):
        value |= (byte & 0x7F) << (7 * shift)
        if not byte & 0x80:
            return value, position + shift + 1
    return len(media), len(media)


def _vp9(media: bytes) -> Opening:
    if not media or media[0] >> 6 != 0b10:
        return Opening.OTHER
    profile = (media[0] >> 5 & 1) | (media[0] >> 4 & 1) << 1
    # Profile 3 has one reserved bit; then show_existing_frame, then frame_type (0: key frame).
    shift = 3 if profile < 3 else 2
    return Opening.KEY if media[0] >> (shift - 1) & 0b11 == 0 else Opening.OTHER
