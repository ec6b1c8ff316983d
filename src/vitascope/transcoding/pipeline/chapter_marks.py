"""Put chapters into a packaged set: for HLS as date ranges and session data, for all as WebVTT."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vitascope.transcoding.pipeline.chapters import FOLDER, arranged, as_json, as_webvtt
from vitascope.transcoding.pipeline.contracts import Chapter

_MASTER = "master.m3u8"
# A date range is told by dates, so the film is given one at which it begins. No player shows it.
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def add_chapters(chapters: Iterable[Chapter], folder: Path, *, duration: float) -> None:
    """Write the chapters of a film into its set; one without has an empty WebVTT track and no marks."""
    marks = arranged(chapters, duration=duration)
    (folder / FOLDER).mkdir()
    (folder / FOLDER / "chapters.vtt").write_text(as_webvtt(marks), encoding="utf-8")
    if not marks:
        return
    (folder / FOLDER / "chapters.json").write_bytes(as_json(marks))
    _insert(folder / _MASTER, "#EXT-X-MEDIA:", [f'{_DATA},URI="{FOLDER}/chapters.json"'])
    # Where one playlist has dates all must have them (RFC 8216bis, 6.2.4); marks on the picture suffice.
    for playlist in folder.glob("*/*/*.m3u8"):
        is_picture = playlist.parent.parent.name == "video" and playlist.name == "index.m3u8"
        _insert(playlist, "#EXTINF:", [f"#EXT-X-PROGRAM-DATE-TIME:{_date(0.0)}"])
        if is_picture:
            _insert(playlist, "#EXT-X-PROGRAM-DATE-TIME:", list(_ranges(marks)))


_DATA = '#EXT-X-SESSION-DATA:DATA-ID="com.apple.hls.chapters"'


def _ranges(chapters: Sequence[Chapter]) -> Iterator[str]:
    for number, one in enumerate(chapters, start=1):
        yield (
            f'#EXT-X-DATERANGE:ID="chapter-{number}",CLASS="org.vitascope.chapter",'
            f'START-DATE="{_date(one.start)}",DURATION={one.end - one.start:.3f},X-TITLE="{one.title}"'
        )


def _date(seconds: float) -> str:
    moment = _BEGINNING + timedelta(milliseconds=round(seconds * 1000))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _insert(playlist: Path, before: str, added: Sequence[str]) -> None:
    """Put lines before the first that begins so; a playlist without one is left as it is."""
    lines = playlist.read_text(encoding="utf-8").splitlines()
    place = next((at for at, line in enumerate(lines) if line.startswith(before)), None)
    if place is not None:
        text = "\n".join([*lines[:place], *added, *lines[place:]]) + "\n"
        playlist.write_text(text, encoding="utf-8")
