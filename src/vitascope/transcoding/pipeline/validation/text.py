"""WebVTT files and chapters: cues in order and inside the film (W3C WebVTT, sections 4 and 6)."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.playlists import MasterPlaylist
from vitascope.transcoding.pipeline.validation.shelf import Shelf

_TIME = r"(?:(\d{2,6}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_TIMING = re.compile(rf"{_TIME}[ \t]+-->[ \t]+{_TIME}(?:[ \t].*)?", re.ASCII)
_PICTURE = re.compile(r"[^\s<>]{1,200}\.(?:jpe?g|png|webp|avif)(?:#xywh=[\d,]{7,40})?")
_ROUNDING = 0.5  # seconds by which a cue may outlast the film
_LARGEST = 64 << 20
_CHAPTERS = "com.apple.hls.chapters"


class Cue(Struct, frozen=True):
    """When a cue is shown, in seconds, and the first line of it."""

    start: float
    end: float
    first_line: str


def read_cues(path: Path) -> list[Cue]:
    """The cues of a WebVTT file; raises SetInvalid if a time cannot be read."""
    if path.stat().st_size > _LARGEST:
        raise SetInvalid(f"{path.name} is too large for captions.")
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return [_cue(lines, number) for number, line in enumerate(lines) if "-->" in line]


def _cue(lines: list[str], number: int) -> Cue:
    match = _TIMING.fullmatch(lines[number].strip())
    if match is None:
        raise SetInvalid(f"Line {number + 1} is no time of a cue: {lines[number][:60]!r}.")
    parts = [int(part or 0) for part in match.groups()]
    start, end = (h * 3600 + m * 60 + s + ms / 1000 for h, m, s, ms in (parts[:4], parts[4:]))
    return Cue(start, end, lines[number + 1].strip() if number + 1 < len(lines) else "")


def check_texts(shelf: Shelf, *, duration: float) -> None:
    """Check every WebVTT file of the set, its thumbnails too; `duration` is the film's, 0 if unknown."""
    for path in shelf.files(".vtt"):
        with shelf.tolerating(), shelf.reading(path):
            _check_file(shelf, path, duration)


def _check_file(shelf: Shelf, path: Path, duration: float) -> None:
    with path.open("rb") as file:
        head = file.read(10).removeprefix(b"\xef\xbb\xbf")
    if head[:6] != b"WEBVTT" or head[6:7] not in {b"", b" ", b"\t", b"\n", b"\r"}:
        shelf.tell("webvtt-header", path, "It does not begin with WEBVTT.")
        return
    cues, latest = read_cues(path), 0.0
    for cue in cues:
        if cue.end <= cue.start or cue.start < latest:
            shelf.tell(
                "webvtt-timing", path, f"A cue from {cue.start:.3f} to {cue.end:.3f} s is out of order."
            )
        latest = max(latest, cue.start)
        if duration and max(cue.end, cue.start) > duration + _ROUNDING:
            shelf.tell("webvtt-range", path, f"A cue ends at {cue.end:.3f} s, the film at {duration:.3f} s.")
    for picture in dict.fromkeys(cue.first_line for cue in cues if _PICTURE.fullmatch(cue.first_line)):
        with shelf.tolerating():
            shelf.find(path, picture)


def check_chapters(shelf: Shelf, master: Path, playlist: MasterPlaylist, *, duration: float) -> None:
    """Check the chapters that a master playlist names (the JSON of Apple's HLS authoring guide)."""
    for entry in playlist.session_data:
        if entry.get("DATA-ID") == _CHAPTERS and entry.uri:
            with shelf.tolerating():
                path = shelf.find(master, entry.uri)
                with shelf.reading(path):
                    _check_chapters(shelf, path, duration)


def _check_chapters(shelf: Shelf, path: Path, duration: float) -> None:
    if path.stat().st_size > _LARGEST:
        raise SetInvalid(f"{path.name} is too large for chapters.")
    try:
        listed = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as problem:
        raise SetInvalid(f"{path.name} is no JSON.") from problem
    wrong = next(_problems_of_chapters(listed, duration), None)
    if wrong:
        shelf.tell("chapters", path, wrong)


def _problems_of_chapters(listed: object, duration: float) -> Iterator[str]:
    if not (isinstance(listed, list) and listed and all(isinstance(one, dict) for one in listed)):
        yield "It is no list of chapters."
        return
    latest = -1.0
    for place, chapter in enumerate(listed, start=1):
        start = chapter.get("start-time")
        if not isinstance(start, int | float) or not latest < start:
            yield f"Chapter {place} has no start-time after that of the one before."
            return
        latest = start
        if duration and not 0 <= start <= duration:
            yield f"Chapter {place} starts at {start:.3f} s, outside of the film."
        if not chapter.get("titles") and not chapter.get("title"):
            yield f"Chapter {place} has no title."
