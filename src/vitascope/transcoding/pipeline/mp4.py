"""Read the index of MP4 files and CMAF fragments (ISO/IEC 14496-12): counts, times, sync samples.

Only box headers and the index are read, never the media: a set of hours is checked in seconds.
Raises SetInvalid for a file that is not well formed.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from vitascope.transcoding.pipeline.bitstream import Opening, opening
from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.sample_entries import SampleEntry, children, read_entry

Span = tuple[int, int] | None
"""The part of a file that is meant, length and offset in bytes; None means all of it."""

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex", b"edts"}
_DEEPEST = 12
_LARGEST_INDEX = 512 << 20
_FIRST_PICTURE = 64 << 10
_LEADING_PICTURES = 1 << 20
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
    """One CMAF fragment: decode time and duration in ticks, samples, how it starts, how it is encrypted."""

    start: int
    ticks: int
    samples: int
    starts_with_sync: bool
    opening: Opening
    sample_encryption: bool


class SystemHeader(Struct, frozen=True, kw_only=True):
    """A `pssh` box: the system's id and the key ids that it names, in hexadecimal, and the whole box."""

    system: str
    key_ids: tuple[str, ...]
    data: bytes
    box: bytes


class Initialisation(Struct, frozen=True, kw_only=True):
    """A CMAF header: ticks to the second, what its samples are, and what it says of their protection."""

    timescale: int
    tracks: int
    sample: SampleEntry
    systems: tuple[SystemHeader, ...]
    default_duration: int
    default_flags: int

    @property
    def codec(self) -> str:
        """The RFC 6381 name."""
        return self.sample.codec

    @property
    def width(self) -> int:
        """Coded width in pixels."""
        return self.sample.width

    @property
    def height(self) -> int:
        """Coded height in pixels."""
        return self.sample.height


def boxes(data: bytes) -> dict[bytes, list[bytes]]:
    """All boxes by type, those inside containers too, without their headers."""
    found: dict[bytes, list[bytes]] = {}
    for kind, body in _walk(data, _DEEPEST):
        found.setdefault(kind, []).append(body)
    return found


def _walk(data: bytes, depth: int) -> Iterator[tuple[bytes, bytes]]:
    if not depth:
        raise SetInvalid("The boxes of an MP4 file are nested too deep.")
    for kind, body in children(data):
        yield kind, body
        if kind in _CONTAINERS:
            yield from _walk(body, depth - 1)


def _top_level(file: BinaryIO, span: Span) -> Iterator[tuple[bytes, int]]:
    """The type and body size of each top-level box of (a span of) a file, which stands at its body."""
    position, end = _window(file, span)
    while position < end:
        file.seek(position)
        header = file.read(8)
        size, kind = struct.unpack(">I4s", header) if len(header) == 8 else (2, b"")
        if size == 1:
            size, header = int.from_bytes(file.read(8), "big"), header + b"64 bits."
        after = position + size if size else end
        if (size and size < len(header)) or after > end:
            raise SetInvalid(f"{Path(file.name).name} is damaged or was not written to its end.")
        yield kind, after - position - len(header)
        position = after


def _window(file: BinaryIO, span: Span) -> tuple[int, int]:
    whole = file.seek(0, 2)
    length, offset = span or (whole, 0)
    if offset + length > whole:
        raise SetInvalid(f"{Path(file.name).name} has no {length} bytes at {offset}.")
    return offset, offset + length


def _index(path: Path, wanted: bytes, span: Span = None) -> bytes:
    with path.open("rb") as file:
        for kind, size in _top_level(file, span):
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


def read_openings(path: Path) -> tuple[Opening, ...]:
    """How the group of pictures at each sync sample of a plain MP4's only track begins."""
    found = boxes(_index(path, b"moov"))
    sizes, sample = _sizes(found), read_entry(found[b"stsd"][0])
    offsets, starts = list(_offsets(found, sizes)), list(_sync(found, len(sizes)))
    ends = [offsets[after] for after in starts[1:]] + [offsets[-1] + sizes[-1]]
    openings = []
    with path.open("rb") as file:
        for start, end in zip(starts, ends, strict=True):
            file.seek(offsets[start])
            openings.append(_opening(file, end - offsets[start], sample))
    return tuple(openings)


def _offsets(found: dict[bytes, list[bytes]], sizes: Sequence[int]) -> Iterator[int]:
    """Where each sample stands in the file: chunks of samples that follow on each other."""
    wide = b"co64" in found
    body = found[b"co64" if wide else b"stco"][0]
    chunks = struct.unpack_from(f">{struct.unpack_from('>I', body, 4)[0]}{'Q' if wide else 'I'}", body, 8)
    number = 0
    for offset, count in zip(chunks, _samples_in_chunks(found[b"stsc"][0], len(chunks)), strict=True):
        position = offset
        for size in sizes[number : number + count]:
            yield position
            position += size
        number += count


def _samples_in_chunks(body: bytes, chunks: int) -> Iterator[int]:
    values = struct.unpack_from(f">{3 * struct.unpack_from('>I', body, 4)[0]}I", body, 8)
    firsts = (*values[::3], chunks + 1)
    for number, count in enumerate(values[1::3]):
        yield from (count for _ in range(firsts[number], firsts[number + 1]))


def read_sizes(path: Path) -> tuple[int, ...]:
    """The bytes of each sample of the only track of a plain MP4 file, in decoding order."""
    return _sizes(boxes(_index(path, b"moov")))


def _sizes(found: dict[bytes, list[bytes]]) -> tuple[int, ...]:
    body = found[b"stsz"][0]
    one_for_all, count = struct.unpack_from(">II", body, 4)
    return (one_for_all,) * count if one_for_all else struct.unpack_from(f">{count}I", body, 12)


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


def read_initialisation(path: Path, span: Span = None) -> Initialisation:
    """The CMAF header of a rendition."""
    try:
        return _initialisation(boxes(_index(path, b"moov", span)))
    except (struct.error, IndexError, KeyError) as problem:
        raise SetInvalid(f"{path.name} is damaged: a box is too short or missing.") from problem


def _initialisation(found: dict[bytes, list[bytes]]) -> Initialisation:
    _, duration, _, flags = struct.unpack_from(">4I", found[b"trex"][0], 8)
    timescale = _timescale(found[b"mdhd"][0])
    if not timescale:
        raise SetInvalid("An MP4 file has a clock that stands still (timescale 0).")
    return Initialisation(
        timescale=timescale,
        tracks=len(found[b"trak"]),
        sample=read_entry(found[b"stsd"][0]),
        systems=tuple(read_system(body) for body in found.get(b"pssh", ())),
        default_duration=duration,
        default_flags=flags,
    )


def read_system(body: bytes) -> SystemHeader:
    """A `pssh` box (ISO/IEC 23001-7, 8.1) without its header."""
    count = int.from_bytes(body[20:24], "big") if body[0] > 0 else 0
    after = 24 + 16 * count if body[0] > 0 else 20
    size = struct.unpack_from(">I", body, after)[0]
    if after + 4 + size > len(body):
        raise SetInvalid("A pssh box is cut short.")
    return SystemHeader(
        system=body[4:20].hex(),
        key_ids=tuple(body[start : start + 16].hex() for start in range(24, after, 16)),
        data=body[after + 4 : after + 4 + size],
        box=struct.pack(">I4s", 8 + len(body), b"pssh") + body,
    )


def read_fragments(path: Path, initialisation: Initialisation, span: Span = None) -> list[Fragment]:
    """The fragments of a segment, in order."""
    try:
        with path.open("rb") as file:
            fragments = list(_fragments(file, initialisation, span))
    except (struct.error, IndexError, KeyError) as problem:
        raise SetInvalid(f"{path.name} is damaged: a box is too short or missing.") from problem
    if not fragments:
        raise SetInvalid(f"{path.name} holds no media.")
    return fragments


def _fragments(file: BinaryIO, initialisation: Initialisation, span: Span) -> Iterator[Fragment]:
    index: bytes | None = None
    for kind, size in _top_level(file, span):
        if kind == b"moof":
            if size > _LARGEST_INDEX:
                raise SetInvalid(f"{Path(file.name).name} has an index of {size} bytes.")
            index = file.read(size)
        elif kind == b"mdat" and index is not None:
            yield _fragment(index, initialisation, _opening(file, size, initialisation.sample))
            index = None


def _opening(file: BinaryIO, size: int, sample: SampleEntry) -> Opening:
    if not sample.width:
        return Opening.UNKNOWN
    # Whether a CRA closes its group is told by the pictures after it, which are further on.
    most = _LEADING_PICTURES if sample.format in {"hvc1", "hev1"} else _FIRST_PICTURE
    return opening(sample.format, file.read(min(size, most)), unit_length=sample.unit_length)


def _fragment(index: bytes, initialisation: Initialisation, start: Opening) -> Fragment:
    found = boxes(index)
    duration, flags = _defaults(found[b"tfhd"][0], initialisation)
    runs = [_run(run, duration, flags) for run in found[b"trun"]]
    decode_time = found[b"tfdt"][0]
    return Fragment(
        start=struct.unpack_from(">Q" if decode_time[0] == 1 else ">I", decode_time, 4)[0],
        ticks=sum(ticks for _, ticks, _ in runs),
        samples=sum(samples for samples, _, _ in runs),
        starts_with_sync=not runs[0][2] & _NON_SYNC,
        opening=start,
        sample_encryption=b"senc" in found or {b"saiz", b"saio"} <= found.keys(),
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


def _run(trun: bytes, duration: int, flags: int) -> tuple[int, int, int]:
    """The samples of a run, their duration together, and the flags of the first."""
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
        return count, duration * count, first_flags
    return count, sum(values[columns.index(0x100) :: len(columns)]), first_flags


def read_subsegments(path: Path, span: Span) -> list[tuple[tuple[int, int], float]]:
    """What a segment index (`sidx`) lists: length and offset in the file, and seconds."""
    try:
        with path.open("rb") as file:
            first, end = _window(file, span)
            body = next((file.read(size) for kind, size in _top_level(file, span) if kind == b"sidx"), b"")
        return list(_references(body, end if span else first))
    except (struct.error, IndexError) as problem:
        raise SetInvalid(f"{path.name} is damaged: its segment index is too short.") from problem


def _references(sidx: bytes, anchor: int) -> Iterator[tuple[tuple[int, int], float]]:
    scale = struct.unpack_from(">I", sidx, 8)[0] or 1
    wide = sidx[0] > 0
    first = struct.unpack_from(">Q" if wide else ">I", sidx, 20 if wide else 16)[0]
    position = 28 if wide else 20
    count = struct.unpack_from(">H", sidx, position + 2)[0]
    offset = anchor + first
    for number in range(count):
        size, ticks = struct.unpack_from(">2I", sidx, position + 4 + 12 * number)
        yield (size & 0x7FFFFFFF, offset), ticks / scale
        offset += size & 0x7FFFFFFF
