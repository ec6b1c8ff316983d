"""Subtitle files that lie beside a film: told apart by what is in them, not by their names."""

import re
from pathlib import Path

from msgspec import Struct

from vitascope.transcoding.pipeline.charset import read_text
from vitascope.transcoding.pipeline.contracts import TextTrack, TrackRejected
from vitascope.transcoding.pipeline.languages import UNKNOWN
from vitascope.transcoding.pipeline.tags import canonical, tag_or_unknown
from vitascope.transcoding.pipeline.ttml import read_ttml
from vitascope.transcoding.pipeline.webvtt import Cue, read_cues
from vitascope.transcoding.pipeline.workbench import digest_of

FIELD = "subtitle"
_OTHER = (("[script info]", "an ASS or SSA file"), ("{1}{", "a MicroDVD file"), ("<sami", "a SAMI file"))
_SRT = re.compile(r"\d\d?:\d\d[.,:]\d+[ \t]*-->")
_KINDS = {"forced", "sdh"}


class SideText(Struct, frozen=True, kw_only=True):
    """A subtitle file, and what it is; without a language it is the one that the file names itself."""

    file: Path
    language: str | None = None
    title: str | None = None
    forced: bool = False
    hard_of_hearing: bool = False


def side_text(said: str) -> SideText:
    """A file as the command line names it: `FILE[:language[:forced|sdh]]`.

    Raises TrackRejected for a language that is none and for another kind.
    """
    rest, kinds = said, set[str]()
    while (last := rest.rpartition(":")[2].lower()) in _KINDS and ":" in rest:
        rest, kinds = rest.rpartition(":")[0], kinds | {last}
    path, colon, language = rest.rpartition(":")
    # A name may hold a colon itself, as `C:\\film.srt` or `12:30.srt` do: what is there is a name.
    if not colon or Path(rest).exists():
        path, language = rest, ""
    return SideText(
        file=Path(path),
        language=canonical(language, field=FIELD) if language else None,
        forced="forced" in kinds,
        hard_of_hearing="sdh" in kinds,
    )


def track_of(side: SideText) -> TextTrack:
    """The track that a file becomes; reads it once, so that it is refused before anything is encoded."""
    cues, language = read_subtitles(side.file)
    if not any(cue.text for cue in cues):
        raise TrackRejected(f"{side.file.name} has no subtitles in it.", field=FIELD)
    return TextTrack(
        index=-1,
        codec="side",
        language=side.language or tag_or_unknown(language or UNKNOWN),
        title=side.title,
        default=False,
        forced=side.forced,
        hard_of_hearing=side.hard_of_hearing,
        side=digest_of(side.file),
    )


def read_subtitles(file: Path) -> tuple[tuple[Cue, ...], str | None]:
    """All cues of an SRT, WebVTT or TTML file, and the language that it names; raises TrackRejected."""
    text = read_text(file, field=FIELD)
    head = text.lstrip("\ufeff \t\n")[:4096].lower()
    if head.startswith("<") and re.search(r"<(\w{1,20}:)?tt[\s>]", head):
        return read_ttml(text.lstrip("\ufeff \t\n"), field=FIELD)
    if head.startswith("webvtt") or _SRT.search(text):
        return tuple(read_cues(text)), None
    looks = next((name for magic, name in _OTHER if head.startswith(magic)), "something else")
    raise TrackRejected(
        f"{file.name} is neither SRT nor WebVTT nor TTML; it looks like {looks}.", field=FIELD
    )
