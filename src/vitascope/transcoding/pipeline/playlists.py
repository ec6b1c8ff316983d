"""Read HLS playlists (RFC 8216) as far as they are checked here.

Raises SetInvalid for text that is no playlist, and for numbers that nobody can mean.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from math import isfinite
from pathlib import Path

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.mp4 import Span

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)')
_RANGE = re.compile(r"(\d{1,18})(?:@(\d{1,18}))?")
_LARGEST_NUMBER = 1e15
_LARGEST_TEXT = 32 << 20
_MOST_SEGMENTS = 200_000


class Entry(Struct, frozen=True):
    """A tag with attributes, and the address on the line after it (or in its URI)."""

    attributes: dict[str, str]
    uri: str

    def get(self, name: str) -> str:
        """An attribute, empty if it is not there."""
        return self.attributes.get(name, "")

    def number(self, name: str) -> float:
        """An attribute that is a number, zero if it is not there."""
        return number(self.attributes.get(name, "0"), name)


class MasterPlaylist(Struct, frozen=True, kw_only=True):
    """A multivariant playlist."""

    independent: bool
    variants: tuple[Entry, ...]
    media: tuple[Entry, ...]
    iframes: tuple[Entry, ...]
    session_data: tuple[Entry, ...]


class Resource(Struct, frozen=True):
    """An address, and the bytes of it if not all (length, offset)."""

    uri: str
    span: Span


class Segment(Struct, frozen=True, kw_only=True):
    """A segment: its seconds, where it is, its header, and the keys that it is encrypted with."""

    seconds: float
    uri: str
    span: Span
    initialisation: Resource | None = None
    keys: tuple[Entry, ...] = ()


class MediaPlaylist(Struct, frozen=True, kw_only=True):
    """A media playlist."""

    target: float
    segments: tuple[Segment, ...]
    ended: bool
    only_iframes: bool
    independent: bool

    @property
    def keys(self) -> tuple[Entry, ...]:
        """Every key line, once."""
        found = {tuple(sorted(key.attributes.items())): key for one in self.segments for key in one.keys}
        return tuple(found.values())


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
        session_data=tuple(_entries(lines, "#EXT-X-SESSION-DATA:")),
    )


def read_media(path: Path) -> MediaPlaylist:
    """Read a media playlist."""
    lines = _lines(path)
    return MediaPlaylist(
        target=number(next(_values(lines, "#EXT-X-TARGETDURATION:"), "0"), "EXT-X-TARGETDURATION"),
        segments=tuple(_Segments().read(lines)),
        ended="#EXT-X-ENDLIST" in lines,
        only_iframes="#EXT-X-I-FRAMES-ONLY" in lines,
        independent="#EXT-X-INDEPENDENT-SEGMENTS" in lines,
    )


def number(text: str, name: str) -> float:
    """A number of a manifest, which is finite, not negative and not absurd."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (isfinite(value) and 0 <= value <= _LARGEST_NUMBER):
        raise SetInvalid(f"{name} is no number that can be meant: {text[:40]!r}.")
    return value


def _lines(path: Path) -> list[str]:
    if path.stat().st_size > _LARGEST_TEXT:
        raise SetInvalid(f"{path.name} is too large for a playlist.")
    text = path.read_text(encoding="utf-8-sig")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines[:1] != ["#EXTM3U"]:
        raise SetInvalid(f"{path.name} is no playlist: it does not begin with #EXTM3U.")
    return lines


def _values(lines: list[str], tag: str) -> Iterator[str]:
    return (line.removeprefix(tag) for line in lines if line.startswith(tag))


def _entries(lines: list[str], tag: str) -> Iterator[Entry]:
    for value in _values(lines, tag):
        yield _entry(value)


def _entry(value: str) -> Entry:
    attributes = _attributes(value)
    return Entry(attributes, attributes.get("URI", ""))


def _attributes(text: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(text)}


class _Segments:
    """Reads the segments of a playlist, whose tags hold for what follows them."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._range: str | None = None
        self._after: dict[str, int] = {}
        self._initialisation: Resource | None = None
        self._keys: tuple[Entry, ...] = ()
        self._keys_end = True

    def read(self, lines: list[str]) -> Iterator[Segment]:
        """All of them, in order."""
        count = 0
        for line in lines:
            if line.startswith("#"):
                self._tag(*line.partition(":")[::2])
                continue
            count += 1
            if count > _MOST_SEGMENTS:
                raise SetInvalid(f"A playlist names more than {_MOST_SEGMENTS} segments.")
            yield self._segment(line)

    def _tag(self, name: str, value: str) -> None:
        if name == "#EXTINF":
            self._seconds = number(value.partition(",")[0], "EXTINF")
        elif name == "#EXT-X-BYTERANGE":
            self._range = value
        elif name == "#EXT-X-MAP":
            entry = _entry(value)
            span = self._span(entry.uri, entry.get("BYTERANGE")) if entry.get("BYTERANGE") else None
            self._initialisation = Resource(entry.uri, span)
        elif name == "#EXT-X-KEY":
            self._key(_entry(value))

    def _key(self, key: Entry) -> None:
        # Key lines that stand together hold together; one after a segment replaces those before it.
        before = () if self._keys_end else self._keys
        self._keys = () if key.get("METHOD") == "NONE" else (*before, key)
        self._keys_end = False

    def _segment(self, uri: str) -> Segment:
        span = self._span(uri, self._range) if self._range is not None else None
        self._range = None
        self._keys_end = True
        return Segment(
            seconds=self._seconds,
            uri=uri,
            span=span,
            initialisation=self._initialisation,
            keys=self._keys,
        )

    def _span(self, uri: str, text: str) -> tuple[int, int]:
        """Length and offset; without an offset a range goes on where that before it ended."""
        match = _RANGE.fullmatch(text)
        if match is None:
            raise SetInvalid(f"A byte range cannot be read: {text[:40]!r}.")
        length = int(match[1])
        offset = int(match[2]) if match[2] else self._after.get(uri, 0)
        self._after[uri] = offset + length
        return length, offset
