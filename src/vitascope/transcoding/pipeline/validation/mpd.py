"""Read an MPD (ISO/IEC 23009-1) of a finished film into the segments that it names.

Raises SetInvalid for what is no MPD. Document types are refused: they are what entity bombs are made of.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from math import ceil
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree as ET

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.mp4 import Span
from vitascope.transcoding.pipeline.playlists import number

_MPD = "{urn:mpeg:dash:schema:mpd:2011}"
_CENC = "{urn:mpeg:cenc:2013}"
_DURATION = re.compile(
    r"P(?:(\d{1,6})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,12}(?:\.\d{1,12})?)S)?)?", re.ASCII
)
_VARIABLE = re.compile(r"\$(RepresentationID|Number|Time|Bandwidth)?(?:%0(\d{1,2})d)?\$")
_RANGE = re.compile(r"(\d{1,18})-(\d{1,18})")
_TEXT = {"wvtt", "stpp", "ttml", "vtt"}
_TRICK = "http://dashif.org/guidelines/trickmode"
_LARGEST_TEXT = 32 << 20
_MOST_SEGMENTS = 200_000


class Listed(Struct, frozen=True, kw_only=True):
    """A segment as an MPD lists it; `start` and `seconds` are those of a timeline, else None."""

    address: str
    span: Span = None
    start: float | None = None
    seconds: float | None = None


class Shield(Struct, frozen=True, kw_only=True):
    """A ContentProtection: its scheme, the value (cenc, cbcs), the key id, the pssh box."""

    scheme: str
    value: str
    key_id: str
    pssh: bytes


class Representation(Struct, frozen=True, kw_only=True):
    """One rendition, with the attributes that it has or inherits."""

    id: str
    attributes: dict[str, str]
    header: Listed | None
    segments: tuple[Listed, ...]
    index: Span
    shields: tuple[Shield, ...]

    def get(self, name: str) -> str:
        """An attribute, empty if it is not there."""
        return self.attributes.get(name, "")


class AdaptationSet(Struct, frozen=True, kw_only=True):
    """Renditions that a player may switch between."""

    id: str
    kind: str
    attributes: dict[str, str]
    roles: tuple[str, ...]
    label: str
    accessible: bool
    trick_of: str | None
    representations: tuple[Representation, ...]


class Mpd(Struct, frozen=True, kw_only=True):
    """A presentation; `several_periods` are not read beyond the first."""

    type: str
    duration: float
    sets: tuple[AdaptationSet, ...]
    several_periods: bool


def read_mpd(path: Path) -> Mpd:
    """Read an MPD."""
    root = _parse(path)
    periods = root.findall(f"{_MPD}Period")
    if root.tag != f"{_MPD}MPD" or not periods:
        raise SetInvalid(f"{path.name} is no MPD, or has no Period.")
    duration = seconds(root.get("mediaPresentationDuration", "PT0S"))
    base = _base(root, "")
    return Mpd(
        type=root.get("type", "static"),
        duration=duration,
        sets=tuple(_adaptation_sets(periods[0], _base(periods[0], base), duration)),
        several_periods=len(periods) > 1,
    )


def _parse(path: Path) -> ET.Element:
    if path.stat().st_size > _LARGEST_TEXT:
        raise SetInvalid(f"{path.name} is too large for an MPD.")
    text = path.read_text(encoding="utf-8-sig")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise SetInvalid(f"{path.name} declares a document type, which no MPD does and nobody should read.")
    try:
        return ET.fromstring(text)  # noqa: S314 - without a document type there is no entity to expand
    except ET.ParseError as problem:
        raise SetInvalid(f"{path.name} is not well-formed XML: {problem}.") from problem


def seconds(text: str) -> float:
    """A duration of XML Schema; raises SetInvalid if it is none, or has years or months."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise SetInvalid(f"A duration cannot be read: {text[:40]!r}.")
    days, hours, minutes, rest = (float(part or 0) for part in match.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + rest


def _base(element: ET.Element, base: str) -> str:
    address = element.findtext(f"{_MPD}BaseURL", "").strip()
    return str(PurePosixPath(base, "x").parent / address) + "/" * address.endswith("/") if address else base


def _adaptation_sets(period: ET.Element, base: str, duration: float) -> Iterator[AdaptationSet]:
    for element in period.iterfind(f"{_MPD}AdaptationSet"):
        here = _base(element, base)
        levels = (period, element)
        representations = tuple(
            _representation((*levels, one), _base(one, here), duration)
            for one in element.iterfind(f"{_MPD}Representation")
        )
        yield AdaptationSet(
            id=element.get("id", ""),
            kind=_kind(element, representations),
            attributes=dict(element.attrib),
            roles=tuple(_values(element, "Role", "urn:mpeg:dash:role:2011")),
            label=element.findtext(f"{_MPD}Label", element.get("label", "")).strip(),
            accessible=element.find(f"{_MPD}Accessibility") is not None,
            trick_of=next(_trick(element), None),
            representations=representations,
        )


def _values(element: ET.Element, name: str, scheme: str) -> Iterator[str]:
    for one in element.iterfind(f"{_MPD}{name}"):
        if one.get("schemeIdUri") == scheme:
            yield one.get("value", "")


def _trick(element: ET.Element) -> Iterator[str]:
    yield from _values(element, "EssentialProperty", _TRICK)
    yield from _values(element, "SupplementalProperty", _TRICK)


def _kind(element: ET.Element, representations: tuple[Representation, ...]) -> str:
    if element.get("contentType"):
        return element.get("contentType", "")
    first = representations[0] if representations else None
    mime, codecs = (
        (first.get("mimeType"), first.get("codecs")) if first else (element.get("mimeType", ""), "")
    )
    if codecs.partition(".")[0] in _TEXT or mime.partition("/")[2] in _TEXT:
        return "text"
    return mime.partition("/")[0]


def _representation(levels: tuple[ET.Element, ...], base: str, duration: float) -> Representation:
    attributes = {name: value for level in levels[1:] for name, value in level.attrib.items()}
    identity = levels[-1].get("id", "")
    template = _inherited(levels, "SegmentTemplate")
    if template is not None:
        header, segments = _of_template(template, _Names(identity, attributes.get("bandwidth", "")), duration)
        index = None
    else:
        header, segments, index = _of_list(levels)
    return Representation(
        id=identity,
        attributes=attributes,
        header=_joined(base, header),
        segments=tuple(one for one in (_joined(base, listed) for listed in segments) if one),
        index=index,
        shields=tuple(_shields(levels)),
    )


def _joined(base: str, listed: Listed | None) -> Listed | None:
    if listed is None:
        return None
    folder, slash, _ = base.rpartition("/")
    address = f"{folder}{slash}{listed.address}" if listed.address else base
    return Listed(address=address, span=listed.span, start=listed.start, seconds=listed.seconds)


def _inherited(levels: tuple[ET.Element, ...], name: str) -> ET.Element | None:
    """The element with what outer levels say of it, inner ones having the last word."""
    found = [one for level in levels if (one := level.find(f"{_MPD}{name}")) is not None]
    if not found:
        return None
    merged = ET.Element(found[-1].tag)
    for one in found:
        merged.attrib.update(one.attrib)
        if len(one):
            merged[:] = list(one)
    return merged


class _Names:
    """Puts values into the addresses of a template."""

    def __init__(self, identity: str, bandwidth: str) -> None:
        self._fixed = {"RepresentationID": identity, "Bandwidth": bandwidth, "Number": "", "Time": ""}

    def fill(self, pattern: str, *, count: int = 0, time: int = 0) -> str:
        """The address of a segment, by its number and time."""
        values = {**self._fixed, "Number": str(count), "Time": str(time)}

        def value(match: re.Match[str]) -> str:
            return values[match[1]].zfill(int(match[2] or 0)) if match[1] else "$"

        return _VARIABLE.sub(value, pattern)


def _of_template(
    template: ET.Element, names: _Names, duration: float
) -> tuple[Listed | None, tuple[Listed, ...]]:
    header = template.get("initialization")
    scale = _whole(template, "timescale", 1) or 1
    timeline = template.find(f"{_MPD}SegmentTimeline")
    times = _timeline(timeline, scale, duration) if timeline is not None else _even(template, scale, duration)
    first, media = _whole(template, "startNumber", 1), template.get("media", "")
    exact = timeline is not None
    segments = tuple(
        Listed(
            address=names.fill(media, count=first + place, time=start),
            start=start / scale if exact else None,
            seconds=length / scale if exact else None,
        )
        for place, (start, length) in enumerate(times)
    )
    return Listed(address=names.fill(header)) if header else None, segments


def _whole(element: ET.Element, name: str, default: int) -> int:
    return int(number(element.get(name, str(default)), name))


def _timeline(timeline: ET.Element, scale: int, duration: float) -> Iterator[tuple[int, int]]:
    time = count = 0
    for entry in timeline.iterfind(f"{_MPD}S"):
        time = _whole(entry, "t", time)
        length = _whole(entry, "d", 0)
        repeat = entry.get("r", "0")
        if repeat.startswith("-"):
            more = ceil((duration * scale - time) / length) - 1 if length else 0
        else:
            more = int(number(repeat, "r"))
        count += 1 + max(0, more)
        if count > _MOST_SEGMENTS:
            raise SetInvalid(f"An MPD names more than {_MOST_SEGMENTS} segments.")
        for _ in range(1 + max(0, more)):
            yield time, length
            time += length


def _even(template: ET.Element, scale: int, duration: float) -> Iterator[tuple[int, int]]:
    length = _whole(template, "duration", 0)
    count = ceil(duration * scale / length) if length else 0
    if count > _MOST_SEGMENTS:
        raise SetInvalid(f"An MPD names more than {_MOST_SEGMENTS} segments.")
    yield from ((place * length, length) for place in range(count))


def _of_list(levels: tuple[ET.Element, ...]) -> tuple[Listed | None, tuple[Listed, ...], Span]:
    listing, single = _inherited(levels, "SegmentList"), _inherited(levels, "SegmentBase")
    element = listing if listing is not None else single
    if element is None:
        return None, (), None
    start = element.find(f"{_MPD}Initialization")
    header = None
    if start is not None:
        header = Listed(address=start.get("sourceURL", ""), span=_span(start.get("range")))
    if listing is None:
        return header, (Listed(address=""),), _span(element.get("indexRange"))
    segments = tuple(
        Listed(address=one.get("media", ""), span=_span(one.get("mediaRange")))
        for one in element.iterfind(f"{_MPD}SegmentURL")
    )
    return header, segments, None


def _span(text: str | None) -> Span:
    if text is None:
        return None
    match = _RANGE.fullmatch(text)
    if match is None or int(match[2]) < int(match[1]):
        raise SetInvalid(f"A byte range cannot be read: {text[:40]!r}.")
    return int(match[2]) - int(match[1]) + 1, int(match[1])


def _shields(levels: tuple[ET.Element, ...]) -> Iterator[Shield]:
    for level in levels:
        for element in level.iterfind(f"{_MPD}ContentProtection"):
            yield Shield(
                scheme=element.get("schemeIdUri", "").lower(),
                value=element.get("value", "").lower(),
                key_id=element.get(f"{_CENC}default_KID", "").replace("-", "").lower(),
                pssh=_bytes(element.findtext(f"{_CENC}pssh", "")),
            )


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as problem:
        raise SetInvalid("A cenc:pssh is not Base64.") from problem
