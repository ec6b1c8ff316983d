"""Read the cues of a TTML document (W3C TTML2, IMSC and EBU-TT as far as text and times go).

A document type is refused before anything of it is read: it could expand to gigabytes (an "XML bomb")
or name other files, and no subtitle needs one.
"""

import re
from xml.parsers import expat

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import TrackRejected
from vitascope.transcoding.pipeline.webvtt import MOST_CUES, Cue, clean, escape

_DEEPEST = 32
_CLOCK = re.compile(r"(\d{1,4}):(\d{2}):(\d{2})(?:(\.\d{1,9})|:(\d{1,3})(?:\.\d{1,9})?)?", re.ASCII)
_OFFSET = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(h|ms|m|s|f|t)", re.ASCII)
_STYLES = {("fontStyle", "italic"): "i", ("fontWeight", "bold"): "b", ("textDecoration", "underline"): "u"}


class Rates(Struct, frozen=True):
    """How many frames and ticks a second has in a document."""

    frames: float = 30.0
    ticks: float = 1.0


class _Element(Struct):
    name: str
    begin: float
    end: float
    tags: str = ""


def read_ttml(text: str, *, field: str) -> tuple[tuple[Cue, ...], str | None]:
    """The cues of a document, and the language that it says it is in; raises TrackRejected."""
    reader = _Reader(field)
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler, parser.buffer_text = reader.characters, True
    try:
        parser.Parse(text.encode("utf-8", errors="replace"), True)  # noqa: FBT003 - expat takes no keyword
    except expat.ExpatError as problem:
        raise TrackRejected(f"The TTML file is broken: {problem}.", field=field) from problem
    return tuple(reader.cues), reader.language


class _Reader:
    """Follows a document from its start to its end."""

    def __init__(self, field: str) -> None:
        self.cues: list[Cue] = []
        self.language: str | None = None
        self._field = field
        self._rates = Rates()
        self._open: list[_Element] = []
        self._text: list[str] = []

    def refuse(self, *_: object) -> None:
        raise TrackRejected("The TTML file has a document type, which is not taken.", field=self._field)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local, values = _local(name), {_local(key): value for key, value in attributes.items()}
        if not self._open:
            self._begin(local, values)
        if len(self._open) >= _DEEPEST:
            raise TrackRejected("The TTML file is nested too deeply.", field=self._field)
        element = self._element(local, values)
        self._open.append(element)
        if local == "p":
            self._text = []
        elif local == "br":
            self._text.append("\n")
        self._text.extend(f"<{tag}>" for tag in element.tags)

    def _begin(self, local: str, values: dict[str, str]) -> None:
        if local != "tt":
            raise TrackRejected("The XML file is not TTML; its first element is not tt.", field=self._field)
        self.language = values.get("lang") or None
        self._rates = _rates(values)

    def _element(self, local: str, values: dict[str, str]) -> _Element:
        outer = self._open[-1] if self._open else _Element("", 0.0, float("inf"))
        begin = outer.begin + (seconds(values.get("begin", ""), self._rates) or 0.0)
        ends = [outer.end]
        if (end := seconds(values.get("end", ""), self._rates)) is not None:
            ends.append(outer.begin + end)
        if (lasts := seconds(values.get("dur", ""), self._rates)) is not None:
            ends.append(begin + lasts)
        styled = local in {"p", "span"}
        tags = "".join(tag for (key, value), tag in _STYLES.items() if styled and values.get(key) == value)
        return _Element(local, begin, min(ends), tags)

    def end(self, _name: str) -> None:
        element = self._open.pop()
        self._text.extend(f"</{tag}>" for tag in reversed(element.tags))
        if element.name == "p" and len(self.cues) < MOST_CUES:
            text = clean("".join(self._text))
            self.cues.append(Cue(start=element.begin, end=element.end, text=text))

    def characters(self, data: str) -> None:
        if any(element.name == "p" for element in self._open):
            # White space is layout of the document here: only br breaks a line.
            self._text.append(escape(re.sub(r"\s+", " ", data)))


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _rates(values: dict[str, str]) -> Rates:
    frames = _positive(values.get("frameRate"), 30.0)
    above, _, below = values.get("frameRateMultiplier", "1 1").partition(" ")
    frames *= _positive(above, 1.0) / _positive(below, 1.0)
    return Rates(frames, _positive(values.get("tickRate"), 1.0))


def _positive(text: str | None, otherwise: float) -> float:
    try:
        value = float(text or otherwise)
    except ValueError:
        return otherwise
    return value if 0 < value < float("inf") else otherwise


def seconds(text: str, rates: Rates) -> float | None:
    """A time expression in seconds, None if it is not one."""
    if (clock := _CLOCK.fullmatch(text.strip())) is not None:
        hours, minutes, whole, fraction, frames = clock.groups()
        rest = float(fraction or 0) + int(frames or 0) / rates.frames
        return int(hours) * 3600 + int(minutes) * 60 + int(whole) + rest
    if (offset := _OFFSET.fullmatch(text.strip())) is None:
        return None
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "f": 1 / rates.frames, "t": 1 / rates.ticks}
    return float(offset[1]) * units[offset[2]]
