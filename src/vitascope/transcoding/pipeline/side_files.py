"""Files that lie beside a film and belong to it: subtitles and chapters."""

from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from vitascope.transcoding.pipeline.chapters import read_chapters
from vitascope.transcoding.pipeline.contracts import Limits, Plan, TrackRejected
from vitascope.transcoding.pipeline.subtitles import FIELD, SideText, track_of


class SideFiles(Struct, frozen=True, kw_only=True):
    """Subtitle files, and a file of chapters that takes the place of the film's own."""

    texts: tuple[SideText, ...] = ()
    chapters: Path | None = None


NONE_BESIDE = SideFiles()


def files_of(beside: SideFiles) -> list[Path]:
    """The files that are read again when the captions are made."""
    return [side.file for side in beside.texts]


def with_side_files(plan: Plan, beside: SideFiles, *, limits: Limits) -> Plan:
    """The plan with what lies beside the film; raises TrackRejected for a file that cannot be used."""
    if len(plan.text) + len(beside.texts) > limits.text_tracks:
        raise TrackRejected(f"At most {limits.text_tracks} subtitle tracks are taken.", field=FIELD)
    return replace(
        plan,
        text=(*plan.text, *map(track_of, beside.texts)),
        chapters=plan.chapters if beside.chapters is None else read_chapters(beside.chapters),
    )
