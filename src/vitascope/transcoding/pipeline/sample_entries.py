"""Read sample entries of MP4 files: RFC 6381 codecs, the shape of pixels, and how samples are encrypted.

ISO/IEC 14496-12 (boxes), 14496-15 (AVC, HEVC), 23001-7 (encryption), the AV1 and VP bindings, and
`dOps` of Opus in ISOBMFF.
"""

import struct
from collections.abc import Callable, Iterator

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import SetInvalid

_VIDEO_HEADER = 78  # bytes of a VisualSampleEntry before its boxes, without size and type
_AUDIO_HEADER = 28
_TRANSFERS = {16: "PQ", 18: "HLG"}
_UNSPECIFIED = 2
_PROTECTED = {"encv", "enca"}


class Protection(Struct, frozen=True, kw_only=True):
    """How samples are encrypted: the four letters of the scheme, the key's id in hexadecimal, the IV."""

    scheme: str
    key_id: str
    iv_size: int


class SampleEntry(Struct, frozen=True, kw_only=True):
    """A sample entry: its format (of an encrypted one the format inside), codec and properties.

    `aspect` is the shape of a pixel, width to height; `transfer` is empty if the file does not say it;
    `encrypted` tells whether it is `encv` or `enca`; `protection` is None if it does not say how.
    """

    format: str
    codec: str
    width: int
    height: int
    aspect: tuple[int, int]
    transfer: str
    unit_length: int
    encrypted: bool
    protection: Protection | None

    @property
    def square(self) -> bool:
        """Whether pixels are square."""
        return self.aspect[0] == self.aspect[1]

    @property
    def display_width(self) -> int:
        """Width in square pixels of the coded height."""
        return self.width * self.aspect[0] // self.aspect[1]


def children(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes that stand in a row in `data`, by type, without their headers."""
    position = 0
    while position + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        if size < 8 or position + size > len(data):
            raise SetInvalid("A box of an MP4 file is larger than its parent.")
        yield kind, data[position + 8 : position + size]
        position += size


def read_entry(description: bytes) -> SampleEntry:
    """The first entry of a `stsd` box's body; raises SetInvalid or struct.error if it is damaged."""
    kind, body = next(children(description[8:]), (b"", b""))
    handler = {b"avc1", b"avc3", b"hvc1", b"hev1", b"av01", b"vp09", b"vp08", b"encv", b"dvh1", b"dvhe"}
    video = kind in handler
    inner = dict(children(body[_VIDEO_HEADER if video else _AUDIO_HEADER :])) if _has_boxes(kind) else {}
    width, height = struct.unpack_from(">HH", body, 24) if video else (0, 0)
    shield = dict(children(inner[b"sinf"])) if b"sinf" in inner else {}
    name = _text(shield.get(b"frma", kind))
    return SampleEntry(
        format=name,
        codec=_codec(name, inner),
        width=width,
        height=height,
        aspect=_aspect(inner.get(b"pasp", b"")),
        transfer=_transfer(inner.get(b"colr", b"")),
        unit_length=_unit_length(inner),
        encrypted=_text(kind) in _PROTECTED,
        protection=_protection(shield),
    )


def _has_boxes(kind: bytes) -> bool:
    return kind not in {b"wvtt", b"stpp", b"tx3g", b""}


def _text(kind: bytes) -> str:
    return kind[:4].decode("ascii", errors="replace")


def _aspect(pasp: bytes) -> tuple[int, int]:
    """The shape of a pixel, width to height; square if the file does not say it."""
    width, height = struct.unpack_from(">2I", pasp) if pasp else (1, 1)
    return (width, height) if width and height else (1, 1)


def _transfer(colr: bytes) -> str:
    """The dynamic range as HLS names it (VIDEO-RANGE), empty if the file does not say it."""
    code = struct.unpack_from(">H", colr, 6)[0] if colr[:4] == b"nclx" and len(colr) >= 8 else _UNSPECIFIED
    return "" if code == _UNSPECIFIED else _TRANSFERS.get(code, "SDR")


def _unit_length(inner: dict[bytes, bytes]) -> int:
    if b"hvcC" in inner:
        return int(inner[b"hvcC"][21] & 3) + 1
    return int(inner[b"avcC"][4] & 3) + 1 if b"avcC" in inner else 4


def _protection(shield: dict[bytes, bytes]) -> Protection | None:
    tenc = dict(children(shield.get(b"schi", b""))).get(b"tenc", b"")
    scheme = shield.get(b"schm", b"")[4:8]
    if len(tenc) < 24 or len(scheme) < 4:
        return None
    return Protection(scheme=_text(scheme), key_id=tenc[8:24].hex(), iv_size=tenc[7])


def _codec(name: str, inner: dict[bytes, bytes]) -> str:
    box, describe = _CODECS.get(name, (b"", None))
    if describe is None:
        return name.lower() if name == "Opus" else name
    if box not in inner:
        raise SetInvalid(f"The sample entry {name} has no {box.decode()} box.")
    return f"{name}.{describe(inner[box])}"


def _avc(box: bytes) -> str:
    return box[1:4].hex()


def _hevc(box: bytes) -> str:
    """Annex E.3 of ISO/IEC 14496-15: profile, compatibility with its bits reversed, tier and level."""
    space = ("", "A", "B", "C")[box[1] >> 6]
    compatibility = int(f"{int.from_bytes(box[2:6], 'big'):032b}"[::-1], 2)
    tier = "H" if box[1] & 0x20 else "L"
    constraints = [f".{byte:X}" for byte in box[6:12].rstrip(b"\0")]
    return f"{space}{box[1] & 0x1F}.{compatibility:X}.{tier}{box[12]}{''.join(constraints)}"


def _av1(box: bytes) -> str:
    tier = "H" if box[2] & 0x80 else "M"
    depth = (12 if box[2] & 0x20 else 10) if box[2] & 0x40 else 8
    return f"{box[1] >> 5}.{box[1] & 0x1F:02}{tier}.{depth:02}"


def _vp9(box: bytes) -> str:
    return f"{box[4]:02}.{box[5]:02}.{box[6] >> 4:02}"


def _aac(box: bytes) -> str:
    """The object type of an `esds` box and, for MPEG-4 audio, of its AudioSpecificConfig."""
    kind, specific = b"", b""
    for tag, payload in _descriptors(box[4:]):
        if tag == 0x04:
            kind = payload[:1]
        elif tag == 0x05:
            specific = payload[:2]
    audio = specific[0] >> 3 if specific else 0
    if audio == 31 and len(specific) > 1:
        audio = 32 + ((specific[0] & 7) << 3 | specific[1] >> 5)
    return f"{kind.hex().upper()}.{audio}" if audio else kind.hex().upper()


def _descriptors(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The nested descriptors of ISO/IEC 14496-1 7.2.6, outer ones first."""
    position = 0
    while position + 2 <= len(data):
        tag = data[position]
        size, position = _descriptor_size(data, position + 1)
        payload = data[position : position + size]
        yield tag, payload
        # An ES descriptor (0x03) has 3 bytes before those in it (without options), a decoder's 13.
        position += {0x03: 3, 0x04: 13}.get(tag, size)


def _descriptor_size(data: bytes, position: int) -> tuple[int, int]:
    size = 0
    for byte in data[position : position + 4]:
        position += 1
        size = size << 7 | byte & 0x7F
        if not byte & 0x80:
            break
    return size, position


_CODECS: dict[str, tuple[bytes, Callable[[bytes], str] | None]] = {
    "avc1": (b"avcC", _avc),
    "avc3": (b"avcC", _avc),
    "hvc1": (b"hvcC", _hevc),
    "hev1": (b"hvcC", _hevc),
    "av01": (b"av1C", _av1),
    "vp09": (b"vpcC", _vp9),
    "mp4a": (b"esds", _aac),
}


def same_codec(said: str, held: str) -> bool:
    """Whether a manifest's codec is the one in the file; optional last parts may be left out or added."""
    one, other = said.strip().lower().split("."), held.lower().split(".")
    if one[0] in {"av01", "vp09"}:
        return len(one) >= 4 and one[:4] == other[:4]
    return [part.lstrip("0") for part in one] == [part.lstrip("0") for part in other]
