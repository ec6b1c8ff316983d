"""Read HLS playlists (RFC 8216) as far as they are checked here."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)')


class Entry(Struct, frozen=True):
    """A tag with attributes, and the address on the line after it (or in its URI)."""

    attributes: dict[str, str]
    uri: str


class MasterPlaylist(Struct, frozen=True, kw_only=True):
    """A multivariant playlist."""

    independent: bool
    variants: tuple[Entry, ...]
    media: tuple[Entry, ...]
    iframes: tuple[Entry, ...]


class Segment(Struct, frozen=True, kw_only=True):
    """A segment: its seconds, its address, and the bytes of it if not all (length, offset)."""

    seconds: float
    uri: str
    span: tuple[int, int] | None


class MediaPlaylist(Struct, frozen=True, kw_only=True):
    """A media playlist."""

    target: int
    initialisation: str | None
    segments: tuple[Segment, ...]
    ended: bool
    only_iframes: bool


def read_master(path: Path) -> MasterPlaylist:
    """Read a multivariant playlist."""
    lines = _lines(path)
    return MasterPlaylist(
        independent="#EXT-X-INDEPENDENT-SEGMENTS" in lines,
        variants=tuple(
            Entry(_attributes(line), address)
            for line, address in pairwise(lines)
            if line.startswith("#EXT-X-STREAM-INF:")
        ),
        media=tuple(_entries(lines, "#EXT-X-MEDIA:")),
        iframes=tuple(_entries(lines, "#EXT-X-I-FRAME-STREAM-INF:")),
    )


def read_media(path: Path) -> MediaPlaylist:
    """Read a media playlist."""
    lines = _lines(path)
    return MediaPlaylist(
        target=int(next(_values(lines, "#EXT-X-TARGETDURATION:"), "0")),
        initialisation=next((entry.uri for entry in _entries(lines, "#EXT-X-MAP:")), None),
        segments=tuple(_segments(lines)),
        ended="#EXT-X-ENDLIST" in lines,
        only_iframes="#EXT-X-I-FRAMES-ONLY" in lines,
    )


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _values(lines: list[str], tag: str) -> Iterator[str]:
    return (line.removeprefix(tag) for line in lines if line.startswith(tag))


def _entries(lines: list[str], tag: str) -> Iterator[Entry]:
    for value in _values(lines, tag):
        attributes = _attributes(value)
        yield Entry(attributes, attributes.get("URI", ""))


def _attributes(text: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(text)}


def _segments(lines: list[str]) -> Iterator[Segment]:
    seconds, span = 0.0, None
    for line in lines:
        if line.startswith("#EXTINF:"):
            seconds = float(line.removeprefix("#EXTINF:").partition(",")[0])
        elif line.startswith("#EXT-X-BYTERANGE:"):
            length, _, offset = line.removeprefix("#EXT-X-BYTERANGE:").partition("@")
            span = (int(length), int(offset or 0))
        elif not line.startswith("#"):
            yield Segment(seconds=seconds, uri=line, span=span)
            span = None
