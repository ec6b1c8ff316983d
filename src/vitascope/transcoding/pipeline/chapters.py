"""Chapters of a film: read from its container or a file beside it, written for players."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from vitascope.transcoding.pipeline.charset import read_text
from vitascope.transcoding.pipeline.contracts import Chapter, TrackRejected
from vitascope.transcoding.pipeline.webvtt import Cue, escape, read_cues, tidy, write

FOLDER = "chapters"
FIELD = "chapters"
_MOST = 500
_LONGEST_TITLE = 120
_LIST = re.compile(r"^\s*(?:(\d{1,3}):)?(\d{1,3}):(\d{2}(?:\.\d{1,3})?)\s+(\S.*)$", re.ASCII | re.MULTILINE)


def chapters_of(reported: Sequence[Mapping[str, Any]], *, start: float) -> tuple[Chapter, ...]:
    """Chapters as ffprobe reports them, in seconds of the film, which begins at `start`."""
    return tuple(
        Chapter(
            start=_seconds(one.get("start_time")) - start,
            end=_seconds(one.get("end_time")) - start,
            title=plain(str({k.lower(): v for k, v in one.get("tags", {}).items()}.get("title", ""))),
        )
        for one in reported[:_MOST]
    )


def read_chapters(file: Path) -> tuple[Chapter, ...]:
    """The chapters in a WebVTT file, or in a list of lines as `12:30 The chase`; raises TrackRejected."""
    text = read_text(file, field=FIELD)
    if text.lstrip("\ufeff").startswith("WEBVTT"):
        found = [_from_cue(cue) for cue in read_cues(text)]
    else:
        found = [_from_line(match) for match in _LIST.finditer(text)]
    if not found:
        raise TrackRejected(
            f"{file.name} has no chapters: give WebVTT, or lines such as `12:30 The chase`.", field=FIELD
        )
    return tuple(found[:_MOST])


def _from_cue(cue: Cue) -> Chapter:
    return Chapter(start=cue.start, end=cue.end, title=plain(cue.text))


def _from_line(match: re.Match[str]) -> Chapter:
    hours, minutes, seconds, title = match.groups()
    start = int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
    return Chapter(start=start, end=start, title=plain(title))  # it lasts up to the next one


def plain(title: str) -> str:
    """A title on one line, without what cannot be shown or could break a playlist."""
    text = "".join(c if c.isprintable() and c not in '"<>' else " " for c in title)
    return " ".join(text.split())[:_LONGEST_TITLE].strip()


def arranged(chapters: Iterable[Chapter], *, duration: float) -> tuple[Chapter, ...]:
    """The chapters of a film of that length: in order, each up to the next one, each with a title."""
    starts = {
        round(max(0.0, one.start), 3): one.title
        for one in sorted(chapters, key=lambda one: one.start)
        if one.start < duration - 0.001
    }
    ends = [*list(starts)[1:], int(duration * 1000) / 1000]
    return tuple(
        Chapter(start=start, end=end, title=title or f"Chapter {number}")
        for number, ((start, title), end) in enumerate(zip(starts.items(), ends, strict=False), start=1)
        if end > start
    )


def as_webvtt(chapters: Iterable[Chapter]) -> str:
    """A WebVTT chapter track."""
    cues = [Cue(start=one.start, end=one.end, text=escape(one.title)) for one in chapters]
    return write(tidy(cues, duration=None))


def as_json(chapters: Sequence[Chapter]) -> bytes:
    """Chapters as Apple's players read them (`com.apple.hls.chapters`)."""
    return json.dumps(
        [
            {
                "chapter": number,
                "start-time": one.start,
                "duration": round(one.end - one.start, 3),
                "titles": [{"language": "und", "title": one.title}],
            }
            for number, one in enumerate(chapters, start=1)
        ],
        ensure_ascii=False,
        indent=1,
    ).encode()


def _seconds(value: object) -> float:
    """A time that is said, zero for what is none."""
    try:
        seconds = float(str(value))
    except ValueError:
        return 0.0
    return seconds if isfinite(seconds) else 0.0
