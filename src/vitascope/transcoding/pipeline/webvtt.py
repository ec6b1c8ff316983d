"""Read cues from SRT and WebVTT as people write them, and write WebVTT that is valid (W3C WebVTT).

Whatever was read, what is written has its cues in order, each inside the film, with text that is
escaped and markup that is closed.
"""

import re
from collections.abc import Iterable, Iterator
from html import unescape
from itertools import islice
from math import isfinite

from msgspec import Struct

MOST_CUES = 20_000
_MOST_CHARACTERS = 2_000  # of one cue: more than any screen shows
_LEAST_SECONDS = 0.001
_STAMP = r"(-?)(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?"
_TIMING = re.compile(rf"^[ \t]*{_STAMP}[ \t]*-->[ \t]*{_STAMP}(?:[ \t]+(.*))?$", re.ASCII)
_SETTING = re.compile(
    r"(?:align:(?:start|center|end|left|right)"
    r"|line:(?:-?\d{1,3}|\d{1,3}(?:\.\d{1,3})?%)(?:,(?:start|center|end))?"
    r"|position:\d{1,3}(?:\.\d{1,3})?%(?:,(?:line-left|center|line-right))?"
    r"|size:\d{1,3}(?:\.\d{1,3})?%"
    r"|vertical:(?:rl|lr))",
    re.ASCII,
)
_MARKUP = re.compile(r"<(/?)([a-zA-Z]{1,8})[^<>]{0,200}>|</?[^<>\n]{0,200}>|\{\\[^{}\n]{0,200}\}")
_KEPT = {"b", "i", "u"}
_UNWANTED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\ufeff\ufffe\uffff]")
_NOT_ESCAPED = re.compile(r"[\ud800-\udfff]")


class Cue(Struct, frozen=True, kw_only=True):
    """Text that is shown from one second to another; the text as it will stand in the file."""

    start: float
    end: float
    text: str
    settings: str = ""


def read_cues(text: str) -> Iterator[Cue]:
    """The cues of an SRT or WebVTT text, in its order; what is neither time nor text is passed over."""
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if "-->" in line and _TIMING.match(line)]
    for number, start in enumerate(islice(starts, MOST_CUES)):
        following = starts[number + 1] if number + 1 < len(starts) else None
        timing = _TIMING.match(lines[start])
        if timing is None:
            continue
        begin, end, settings = _seconds(timing, 1), _seconds(timing, 6), timing[11] or ""
        text_lines = _text_lines(lines, start + 1, following)
        yield Cue(start=begin, end=end, text=clean("\n".join(text_lines)), settings=_settings(settings))


def _text_lines(lines: list[str], start: int, following: int | None) -> list[str]:
    """The lines of a cue, up to a blank one or to the next cue, whose number is not part of them."""
    found: list[str] = []
    for line in lines[start:following]:
        if not line.strip():
            return found
        found.append(line)
    if following is not None and found and found[-1].strip().isdigit():
        found.pop()
    return found


def _seconds(match: re.Match[str], group: int) -> float:
    sign, hours, minutes, seconds, fraction = match.group(*range(group, group + 5))
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return (-1 if sign else 1) * (whole + float(f"0.{fraction or 0}"))


def _settings(text: str) -> str:
    return " ".join(part for part in text.split() if _SETTING.fullmatch(part))


def clean(text: str) -> str:
    """Text of a cue with bold, italic and underlined parts kept and closed, all else escaped."""
    written: list[str] = []
    opened: list[str] = []
    position = 0
    text = _UNWANTED.sub("", _NOT_ESCAPED.sub("\ufffd", text[:_MOST_CHARACTERS]))
    for match in _MARKUP.finditer(text):
        written.append(escape(text[position : match.start()]))
        written.extend(_tags(match, opened))
        position = match.end()
    written.append(escape(text[position:]))
    written.extend(f"</{name}>" for name in reversed(opened))
    return "\n".join(line for line in map(str.strip, "".join(written).split("\n")) if line)


def escape(text: str) -> str:
    """Text as WebVTT takes it literally, whether or not it was escaped before."""
    plain = _UNWANTED.sub("", unescape(text))
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _tags(match: re.Match[str], opened: list[str]) -> Iterator[str]:
    """What a piece of markup becomes, `opened` being the tags that are open there."""
    name = (match[2] or "").lower()
    if name not in _KEPT:
        return
    if not match[1] and name not in opened:
        opened.append(name)
        yield f"<{name}>"
    elif match[1] and name in opened:
        while (last := opened.pop()) != name:
            yield f"</{last}>"
        yield f"</{name}>"


def tidy(cues: Iterable[Cue], *, duration: float | None) -> tuple[Cue, ...]:
    """The cues that can be shown, in the order of their times, none outside of the film, none twice."""
    last = float("inf") if duration is None else duration
    shown = {
        (cue.start, cue.end, cue.text): cue
        for cue in (_within(cue, last) for cue in cues if isfinite(cue.start) and isfinite(cue.end))
        if cue.text and cue.end - cue.start >= _LEAST_SECONDS
    }
    return tuple(shown[key] for key in sorted(shown))


def _within(cue: Cue, last: float) -> Cue:
    end = min(_milliseconds(cue.end), last if last == float("inf") else int(last * 1000) / 1000)
    return Cue(start=max(0.0, _milliseconds(cue.start)), end=end, text=cue.text, settings=cue.settings)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000) / 1000


def write(cues: Iterable[Cue]) -> str:
    """A WebVTT file."""
    return "\n\n".join(["WEBVTT", *map(_written, cues)]) + "\n"


def _written(cue: Cue) -> str:
    timing = f"{timestamp(cue.start)} --> {timestamp(cue.end)} {cue.settings}".rstrip()
    return f"{timing}\n{cue.text}"


def timestamp(seconds: float) -> str:
    """Seconds as WebVTT writes them."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
