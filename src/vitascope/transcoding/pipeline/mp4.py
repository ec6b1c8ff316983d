"""Read the index of MP4 files and CMAF fragments (ISO/IEC 14496-12): counts, times, sync samples.

Only box headers and the index are read, never the media: a set of hours is checked in seconds.
Raises SetInvalid for a file that is not well formed.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import SetInvalid

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex", b"edts"}
_LARGEST_INDEX = 512 << 20
_NON_SYNC = 0x00010000


class Track(Struct, frozen=True, kw_only=True):
    """One track of a plain MP4: ticks to the second, samples, duration in ticks, sync samples (from 0)."""

    timescale: int
    samples: int
    ticks: int
    sync: tuple[int, ...]

    @property
    def seconds(self) -> float:
        """The duration of the media."""
        return self.ticks / self.timescale


class Fragment(Struct, frozen=True, kw_only=True):
    """One CMAF fragment: decode time and duration in ticks, samples, and how it starts."""

    start: int
    ticks: int
    samples: int
    starts_with_sync: bool
    first_unit: int


class Initialisation(Struct, frozen=True, kw_only=True):
    """A CMAF header: ticks to the second, sample entry, RFC 6381 codec, size and pixel shape."""

    timescale: int
    entry: str
    codec: str
    width: int
    height: int
    square: bool
    default_duration: int
    default_flags: int


def boxes(data: bytes) -> dict[bytes, list[bytes]]:
    """All boxes by type, those inside containers too, without their headers."""
    found: dict[bytes, list[bytes]] = {}
    for kind, body in _walk(data):
        found.setdefault(kind, []).append(body)
    return found


def _walk(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        if size < 8 or position + size > len(data):
            raise SetInvalid("A box of an MP4 file is larger than its parent.")
        body = data[position + 8 : position + size]
        yield kind, body
        if kind in _CONTAINERS:
            yield from _walk(body)
        position += size


def _top_level(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The type and body size of each top-level box, the file standing at its body."""
    while len(header := file.read(8)) == 8:
        size, kind = struct.unpack(">I4s", header)
        body = (struct.unpack(">Q", file.read(8))[0] - 16) if size == 1 else size - 8
        if body < 0:
            raise SetInvalid("A box of an MP4 file has no size.")
        after = file.tell() + body
        yield kind, body
        file.seek(after)


def _index(path: Path, wanted: bytes) -> bytes:
    with path.open("rb") as file:
        for kind, size in _top_level(file):
            if kind == wanted and size <= _LARGEST_INDEX:
                return file.read(size)
    raise SetInvalid(f"{path.name} has no {wanted.decode()} box: it was not written to its end.")


def read_track(path: Path) -> Track:
    """The only track of a plain MP4 file; without one, a track of no samples."""
    found = boxes(_index(path, b"moov"))
    if b"trak" not in found:
        return Track(timescale=1, samples=0, ticks=0, sync=())
    runs = _pairs(found[b"stts"][0])
    samples = sum(count for count, _ in runs)
    return Track(
        timescale=_timescale(found[b"mdhd"][0]),
        samples=samples,
        ticks=sum(count * ticks for count, ticks in runs),
        sync=tuple(_sync(found, samples)),
    )


def _timescale(mdhd: bytes) -> int:
    return int(struct.unpack_from(">I", mdhd, 20 if mdhd[0] == 1 else 12)[0])


def _pairs(body: bytes) -> list[tuple[int, int]]:
    count = struct.unpack_from(">I", body, 4)[0]
    values = struct.unpack_from(f">{2 * count}I", body, 8)
    return list(zip(values[::2], values[1::2], strict=True))


def _sync(found: dict[bytes, list[bytes]], samples: int) -> Iterator[int]:
    if b"stss" not in found:
        yield from range(samples)
        return
    body = found[b"stss"][0]
    count = struct.unpack_from(">I", body, 4)[0]
    yield from (number - 1 for number in struct.unpack_from(f">{count}I", body, 8))


def read_initialisation(path: Path) -> Initialisation:
    """The CMAF header of a rendition."""
    found = boxes(_index(path, b"moov"))
    entries = found[b"stsd"][0][8:]
    size, kind = struct.unpack_from(">I4s", entries)
    entry = entries[8:size]
    width, height = struct.unpack_from(">HH", entry, 24) if found.get(b"vmhd") else (0, 0)
    _, duration, _, flags = struct.unpack_from(">4I", found[b"trex"][0], 8)
    return Initialisation(
        timescale=_timescale(found[b"mdhd"][0]),
        entry=kind.decode(),
        codec=_codec(kind, entry),
        width=width,
        height=height,
        square=_square(entry),
        default_duration=duration,
        default_flags=flags,
    )


def _codec(kind: bytes, entry: bytes) -> str:
    if kind == b"avc1":
        start = entry.index(b"avcC") + 4
        return f"avc1.{entry[start + 1 : start + 4].hex()}"
    # Audio object type 2 is AAC-LC, the only one that we make.
    return "mp4a.40.2" if kind == b"mp4a" else kind.decode()


def _square(entry: bytes) -> bool:
    """Whether pixels are square: no `pasp` box, or one with equal sides."""
    start = entry.find(b"pasp")
    return start < 0 or entry[start + 4 : start + 8] == entry[start + 8 : start + 12]


def read_fragments(path: Path, initialisation: Initialisation) -> list[Fragment]:
    """The fragments of a segment, in order; `first_unit` is the NAL unit type that video starts with."""
    fragments: list[Fragment] = []
    with path.open("rb") as file:
        index: bytes | None = None
        for kind, size in _top_level(file):
            if kind == b"moof":
                index = file.read(size)
            elif kind == b"mdat" and index is not None:
                fragments.append(
                    _fragment(index, initialisation, first_unit_of(file.read(min(size, 64 << 10))))
                )
                index = None
    if not fragments:
        raise SetInvalid(f"{path.name} holds no media.")
    return fragments


def first_unit_of(media: bytes) -> int:
    """The type of the first NAL unit that is picture data (1 to 5), in length-prefixed H.264."""
    position = 0
    while position + 5 <= len(media):
        kind = media[position + 4] & 0x1F
        if 1 <= kind <= 5:
            return kind
        position += 4 + int.from_bytes(media[position : position + 4], "big")
    return 0


def _fragment(index: bytes, initialisation: Initialisation, first_unit: int) -> Fragment:
    found = boxes(index)
    duration, flags = _defaults(found[b"tfhd"][0], initialisation)
    durations, first_flags = _run(found[b"trun"][0], duration, flags)
    decode_time = found[b"tfdt"][0]
    return Fragment(
        start=struct.unpack_from(">Q" if decode_time[0] == 1 else ">I", decode_time, 4)[0],
        ticks=sum(durations),
        samples=len(durations),
        starts_with_sync=not first_flags & _NON_SYNC,
        first_unit=first_unit,
    )


def _defaults(tfhd: bytes, initialisation: Initialisation) -> tuple[int, int]:
    present = int.from_bytes(tfhd[1:4], "big")
    position = 8 + 8 * bool(present & 0x01) + 4 * bool(present & 0x02)
    duration, flags = initialisation.default_duration, initialisation.default_flags
    if present & 0x08:
        duration = struct.unpack_from(">I", tfhd, position)[0]
        position += 4
    position += 4 * bool(present & 0x10)
    if present & 0x20:
        flags = struct.unpack_from(">I", tfhd, position)[0]
    return duration, flags


def _run(trun: bytes, duration: int, flags: int) -> tuple[list[int], int]:
    """The durations of a run's samples, and the flags of its first."""
    present = int.from_bytes(trun[1:4], "big")
    count = struct.unpack_from(">I", trun, 4)[0]
    position = 8 + 4 * bool(present & 0x01)
    first_flags = flags
    if present & 0x04:
        first_flags = struct.unpack_from(">I", trun, position)[0]
        position += 4
    columns = [bit for bit in (0x100, 0x200, 0x400, 0x800) if present & bit]
    values = struct.unpack_from(f">{count * len(columns)}I", trun, position)
    if 0x400 in columns and not present & 0x04 and count:
        first_flags = values[columns.index(0x400)]
    if 0x100 not in columns:
        return [duration] * count, first_flags
    return list(values[columns.index(0x100) :: len(columns)]), first_flags
