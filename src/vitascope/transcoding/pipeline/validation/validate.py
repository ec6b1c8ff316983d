"""Check a folder that may hold a set: whatever is in it, a report is the answer."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from vitascope.transcoding.pipeline.validation.dash import Dash, check_tracks
from vitascope.transcoding.pipeline.validation.findings import Finding, Severity, condensed
from vitascope.transcoding.pipeline.validation.hls import Hls, check_hls
from vitascope.transcoding.pipeline.validation.media import check_together
from vitascope.transcoding.pipeline.validation.shelf import Shelf
from vitascope.transcoding.pipeline.validation.streams import Stream
from vitascope.transcoding.pipeline.validation.text import check_chapters, check_texts

_OURS = ("master.m3u8", "manifest.mpd")
_SEGMENTS = (".m4s", ".cmfv", ".cmfa", ".cmft", ".m4v", ".m4a", ".ts", ".aac")
_VARIANT = b"#EXT-X-STREAM-INF:"
_HEAD = 64 << 10
_INCOMPLETE = {"unreadable", "outside", "file-missing", "not-checked"}


class Report(Struct, frozen=True, kw_only=True):
    """A set as it was found: its manifests (paths in the folder), its streams, and all that is wrong."""

    manifests: tuple[str, ...]
    video: tuple[Stream, ...]
    audio: tuple[Stream, ...]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that keep some player from playing it."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)


def examine(folder: Path) -> Report:
    """Check the set in a folder by its manifests and indexes; decodes nothing."""
    shelf = Shelf(folder)
    masters, mpds = _manifests(shelf)
    hls = [one for file in masters if (one := shelf.attempt(partial(check_hls, shelf, file)))]
    known = [stream for one in hls for stream in (*one.video, *one.audio)]
    dash = [mpd for file in mpds if (mpd := shelf.attempt(partial(_dash, shelf, file, known)))]
    if not masters and not mpds:
        shelf.tell("manifest-missing", "", "There is no master playlist and no MPD.")
    video = tuple(hls[0].video if hls else dash[0].video if dash else ())
    audio = tuple(hls[0].audio if hls else dash[0].audio if dash else ())
    check_together(shelf, video, audio)
    if not any(finding.rule in _INCOMPLETE for finding in shelf.findings):
        _check_agreement(shelf, hls, dash)
        _check_strays(shelf)
    _check_rest(shelf, hls, duration=max((stream.duration for stream in video or audio), default=0.0))
    return Report(
        manifests=tuple(shelf.name(file) for file in (*masters, *mpds)),
        video=video,
        audio=audio,
        findings=tuple(condensed(shelf.findings)),
    )


def _manifests(shelf: Shelf) -> tuple[list[Path], list[Path]]:
    """The master playlists and MPDs: ours if they are there, else what the folder itself holds."""
    inside = [path for path in sorted(shelf.folder.glob("*")) if path.suffix in {".m3u8", ".mpd"}]
    inside = [path for path in inside if _belongs(shelf, path)]
    ours = [path for path in inside if path.name in _OURS]
    chosen = ours or inside
    masters = [path for path in chosen if path.suffix == ".m3u8" and _is_master(path)]
    return masters, [path for path in chosen if path.suffix == ".mpd"]


def _belongs(shelf: Shelf, path: Path) -> bool:
    if path.resolve().is_relative_to(shelf.folder):
        return path.is_file()
    shelf.tell("outside", path, "It is a link that leads out of the set.")
    return False


def _is_master(path: Path) -> bool:
    if path.name in _OURS:
        return True
    try:
        with path.open("rb") as file:
            return _VARIANT in file.read(_HEAD)
    except OSError:
        return False


def _dash(shelf: Shelf, file: Path, known: Sequence[Stream]) -> Dash:
    dash = Dash(shelf, file, known)
    dash.check()
    return dash


def _check_agreement(shelf: Shelf, hls: Sequence[Hls], dash: Sequence[Dash]) -> None:
    """Both manifests of one set name the same tracks."""
    if len(hls) == len(dash) == 1 and hls[0].master.variants:
        named = len(hls[0].video) + len(hls[0].audio)
        check_tracks(shelf, dash[0].file, dash=len(dash[0].video) + len(dash[0].audio), hls=named)


def _check_strays(shelf: Shelf) -> None:
    for path in shelf.files(*_SEGMENTS) if shelf.used else ():
        if path.resolve() not in shelf.used:
            shelf.tell("stray-segment", path, "No manifest names it.")


def _check_rest(shelf: Shelf, hls: Sequence[Hls], *, duration: float) -> None:
    check_texts(shelf, duration=duration)
    for one in hls:
        check_chapters(shelf, one.file, one.master, duration=duration)
