"""A rendition as a manifest lists it, and as its segments are."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.bitstream import Opening
from vitascope.transcoding.pipeline.validation.findings import found
from vitascope.transcoding.pipeline.validation.shelf import Refused, Shelf

_SYNC_BYTE = 0x47


class Part(Struct, frozen=True, kw_only=True):
    """A segment as a manifest lists it; `start` is its media time if the manifest tells it."""

    file: Path
    span: mp4.Span
    header: Path | None
    header_span: mp4.Span
    seconds: float
    start: float | None = None


class Stream(Struct, frozen=True, kw_only=True):
    """A rendition as its segments are: what they hold, not what a manifest says of them."""

    playlist: str
    initialisation: mp4.Initialisation
    files: tuple[str, ...]
    starts: tuple[float, ...]
    lengths: tuple[float, ...]
    sizes: tuple[int, ...]
    frames: int
    openings: tuple[Opening, ...]
    synchronous: tuple[bool, ...]
    sealed: tuple[bool, ...]

    @property
    def duration(self) -> float:
        """Seconds of media."""
        return sum(self.lengths)

    @property
    def frame(self) -> float:
        """Seconds of a frame, on average."""
        return self.duration / self.frames if self.frames else 0.0

    @property
    def average_bandwidth(self) -> int:
        """Bits per second over the whole."""
        return round(sum(self.sizes) * 8 / self.duration) if self.duration else 0

    @property
    def peak_bandwidth(self) -> int:
        """Bits per second of the greatest run of segments that is half the longest (RFC 8216, 4.3.4.2)."""
        longest = max(self.lengths, default=0.0)
        return round(max(self._rates(longest / 2), default=0.0)) if longest else 0

    @property
    def highest_bandwidth(self) -> int:
        """Bits per second of the greatest segment, however short: what some packagers take for the peak."""
        rates = (size * 8 / length for size, length in zip(self.sizes, self.lengths, strict=True) if length)
        return round(max(rates, default=0.0))

    def _rates(self, shortest: float) -> Iterator[float]:
        first, size, length = 0, 0, 0.0
        for last in range(len(self.sizes)):
            size, length = size + self.sizes[last], length + self.lengths[last]
            while length - self.lengths[first] >= shortest:
                size, length = size - self.sizes[first], length - self.lengths[first]
                first += 1
            if length >= shortest:
                yield size * 8 / length


def measure(shelf: Shelf, name: str, parts: tuple[Part, ...]) -> Stream:
    """Read the index of every segment; raises Refused at the first that cannot be read."""
    if not parts:
        raise Refused(found("unreadable", name, "It names no segment."))
    header = _header(shelf, name, parts[0])
    fragments = [_fragments(shelf, name, part) for part in parts]
    scale = header.timescale
    return Stream(
        playlist=name,
        initialisation=header,
        files=tuple(shelf.name(part.file) for part in parts),
        starts=tuple(of[0].start / scale for of in fragments),
        lengths=tuple(sum(one.ticks for one in of) / scale for of in fragments),
        sizes=tuple(part.span[0] if part.span else part.file.stat().st_size for part in parts),
        frames=sum(one.samples for of in fragments for one in of),
        openings=tuple(of[0].opening for of in fragments),
        synchronous=tuple(of[0].starts_with_sync for of in fragments),
        sealed=tuple(all(one.sample_encryption for one in of) for of in fragments),
    )


def _header(shelf: Shelf, name: str, part: Part) -> mp4.Initialisation:
    if part.header is not None:
        return shelf.header(part.header, part.header_span)
    with shelf.reading(part.file), part.file.open("rb") as file:
        transport = file.read(1) == bytes([_SYNC_BYTE])
    what = "MPEG-TS" if transport else "segments without an MP4 header (EXT-X-MAP)"
    raise Refused(found("not-checked", name, f"Not checked: {what}."))


def _fragments(shelf: Shelf, name: str, part: Part) -> list[mp4.Fragment]:
    header = _header(shelf, name, part)
    with shelf.reading(part.file):
        return mp4.read_fragments(part.file, header, part.span)
