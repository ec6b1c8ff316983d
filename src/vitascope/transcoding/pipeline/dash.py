"""Check an MPD (ISO/IEC 23009-1) of a finished film."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

_NAMESPACE = {"mpd": "urn:mpeg:dash:schema:mpd:2011"}
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?")
_TOLERANCE = 0.5  # seconds between the film's stated length and that of its picture


def problems_of_mpd(path: Path, *, tracks: int, duration: float) -> Iterator[str]:
    """What is wrong with an MPD of so many video and audio tracks, the picture lasting so many seconds."""
    root = ET.parse(path).getroot()  # noqa: S314 - expat bounds expansion and reads no external entity
    if root.get("type") != "static":
        yield f"{path.name} says that the film is live."
    stated = _seconds(root.get("mediaPresentationDuration", ""))
    if abs(stated - duration) > _TOLERANCE:
        yield f"{path.name} says {stated:.3f} s, the film lasts {duration:.3f} s."
    named = [
        representation
        for adaptation in root.iterfind(".//mpd:AdaptationSet", _NAMESPACE)
        for representation in adaptation.iterfind("mpd:Representation", _NAMESPACE)
        if adaptation.get("contentType") in {"video", "audio"}
    ]
    if len(named) != tracks:
        yield f"{path.name} names {len(named)} tracks of {tracks}."
    for track in named:
        yield from _problems_of_track(path, track)


def _problems_of_track(path: Path, track: ET.Element) -> Iterator[str]:
    for name in ("bandwidth", "codecs", "mimeType"):
        if not track.get(name):
            yield f"{path.name} does not tell the {name} of a track."
    template = track.find("mpd:SegmentTemplate", _NAMESPACE)
    if template is None or not (path.parent / template.get("initialization", "-")).is_file():
        yield f"{path.name} names a track that is not there."
    elif not (path.parent / _first_segment(template)).is_file():
        yield f"{path.name} names segments that are not there."


def _first_segment(template: ET.Element) -> str:
    number = int(template.get("startNumber", "1"))
    return template.get("media", "-").replace("$Number%05d$", f"{number:05}")


def _seconds(text: str) -> float:
    match = _DURATION.fullmatch(text)
    hours, minutes, seconds = match.groups() if match else (0, 0, 0)
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds or 0)
