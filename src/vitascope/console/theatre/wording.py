"""Figures in words that people read on the pages."""

from datetime import datetime

_STAGES = {
    "fetch": "fetching the file",
    "probe": "looking at the file",
    "plan": "choosing the qualities",
    "encode": "encoding",
    "package": "packaging",
    "pictures": "taking pictures",
    "verify": "checking every rendition",
    "publish": "putting it in place",
}
_MINUTE, _HOUR = 60, 3600
_THOUSAND, _MILLION = 1_000, 1_000_000


def clock_time(seconds: float | None) -> str:
    """A film's length as on a player: `1:02:03`, `4:05`; nothing when it is not known."""
    if seconds is None:
        return ""
    whole = round(seconds)
    hours, minutes, rest = whole // _HOUR, whole % _HOUR // _MINUTE, whole % _MINUTE
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def spoken_time(seconds: float | None) -> str:
    """The same for a screen reader: `1 hour 2 minutes`, `45 seconds`."""
    if seconds is None:
        return "unknown length"
    whole = round(seconds)
    parts = [(whole // _HOUR, "hour"), (whole % _HOUR // _MINUTE, "minute")]
    if whole < _HOUR:
        parts.append((whole % _MINUTE, "second"))
    return " ".join(f"{number} {plural(unit, number)}" for number, unit in parts if number) or "0 seconds"


def plural(word: str, number: int) -> str:
    """The word for this many: `view`, `views`."""
    return word if number == 1 else f"{word}s"


def count(number: int, word: str) -> str:
    """How many of something, short: `1 view`, `12 views`, `3.4K views`."""
    if number < _THOUSAND:
        text = str(number)
    elif number < _MILLION:
        text = f"{number / _THOUSAND:.1f}".removesuffix(".0") + "K"
    else:
        text = f"{number / _MILLION:.1f}".removesuffix(".0") + "M"
    return f"{text} {plural(word, number)}"


def day(instant: datetime | None) -> str:
    """The day of an instant: `22 November 2026`."""
    return f"{instant.day} {instant:%B %Y}" if instant else ""


def initials(name: str) -> str:
    """The first letters of a name, for a title that has no picture."""
    return "".join(word[0] for word in name.split()[:2]).upper()


def stage(name: str) -> str:
    """What a transcoding job is doing."""
    return _STAGES.get(name, name)
