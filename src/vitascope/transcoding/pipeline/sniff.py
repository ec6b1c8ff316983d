"""What a file is, by its first bytes, before any decoder sees it.

A name proves nothing: a playlist called film.mp4 once made ffmpeg fetch an internal address. So only
known containers pass, and each is later opened by its own demuxer and no other.
"""

from pathlib import Path

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import NotMedia, UnreadableMedia

_HEAD = 4096
_TS_PACKETS = (188, 192)
_ISO_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid"}


class Container(Struct, frozen=True):
    """A container: its common name, and the one ffmpeg demuxer that may read it."""

    name: str
    demuxer: str


CONTAINERS = {
    demuxer: Container(name, demuxer)
    for name, demuxer in (
        ("MP4 or QuickTime", "mov"),
        ("Matroska or WebM", "matroska"),
        ("AVI", "avi"),
        ("MPEG transport stream", "mpegts"),
        ("MPEG program stream", "mpeg"),
        ("Flash video", "flv"),
        ("Ogg", "ogg"),
        ("MXF", "mxf"),
        ("Windows Media", "asf"),
    )
}

_MAGIC = (
    (b"\x1a\x45\xdf\xa3", "matroska"),
    (b"\x00\x00\x01\xba", "mpeg"),
    (b"FLV\x01", "flv"),
    (b"OggS\x00", "ogg"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", "mxf"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
)

_OTHER = (
    (b"#EXTM3U", "an HLS playlist, which only points to a film elsewhere"),
    (b"ffconcat", "a list of other files, which only points to a film elsewhere"),
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<mpd", "a DASH manifest, which only points to a film elsewhere"),
    (b"<?xml", "an XML document"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive; unpack it first"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"ID3", "a sound file without a picture"),
    (b"fLaC", "a sound file without a picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)


def sniff(source: Path) -> Container:
    """Tell the container of a file; raises NotMedia, saying what the file looks like instead."""
    if not source.is_file():
        raise NotMedia("There is no such file, or it is not a plain file.", field="file")
    try:
        with source.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as problem:
        raise UnreadableMedia(f"The file cannot be read: {problem.strerror}.", field="file") from problem
    if not head:
        raise NotMedia("The file is empty (zero bytes); upload it again.", field="file")
    demuxer = _demuxer_of(head)
    if demuxer is None:
        raise NotMedia(f"The file is not a film: it looks like {_resemblance(head)}.", field="file")
    return CONTAINERS[demuxer]


def _demuxer_of(head: bytes) -> str | None:
    for magic, demuxer in _MAGIC:
        if head.startswith(magic):
            return demuxer
    if head[4:8] in _ISO_BOXES and _plausible_box(head):
        return "mov"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    return "mpegts" if _transport_stream(head) else None


def _plausible_box(head: bytes) -> bool:
    size = int.from_bytes(head[:4], "big")
    return size in {0, 1} or size >= 8


def _transport_stream(head: bytes) -> bool:
    """Whether the sync byte stands at the start of five packets in a row (188 or, timestamped, 192)."""
    return any(
        all(head[start + packet * n : start + packet * n + 1] == b"\x47" for n in range(5))
        for packet, start in zip(_TS_PACKETS, (0, 4), strict=True)
    )


def _resemblance(head: bytes) -> str:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for magic, name in _OTHER:
        if text.startswith(magic.lower()):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "a sound file without a picture"
    printable = sum(byte >= 0x20 or byte in b"\t\r\n" for byte in head)
    return "plain text" if printable >= 0.99 * len(head) and b"\x00" not in head else "something unknown"
