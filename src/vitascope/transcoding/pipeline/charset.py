"""Read a stranger's text file: bounded, and in whatever encoding it is."""

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path

from vitascope.transcoding.pipeline.contracts import TrackRejected

MOST_BYTES = 8 << 20
_BOMS = ((BOM_UTF8, "utf-8"), (BOM_UTF16_LE, "utf-16-le"), (BOM_UTF16_BE, "utf-16-be"))
_SAMPLE = 4096
_DECLARED = re.compile(
    rb"""^<\?xml[^>]{0,100}encoding=["'](iso-8859-(?:1|15)|windows-125[0-8])["']""", re.IGNORECASE
)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def read_text(file: Path, *, field: str) -> str:
    """The text of a file, with plain line ends; raises TrackRejected if there is none."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except OSError as problem:
        raise TrackRejected(f"{file.name} cannot be read: {problem.strerror}.", field=field) from problem
    if len(data) > MOST_BYTES:
        raise TrackRejected(f"{file.name} has more than {MOST_BYTES >> 20} MB; it is no text.", field=field)
    text = decode(data)
    if len(_UNPRINTABLE.findall(text[:_SAMPLE])) > 0.02 * len(text[:_SAMPLE]):
        raise TrackRejected(f"{file.name} is not a text file.", field=field)
    return text


def decode(data: bytes) -> str:
    """Text from bytes: by its byte order mark, else UTF-16 or UTF-8 if it is that, else Western European."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _plain(data[len(mark) :].decode(encoding, errors="replace"))
    if (declared := _DECLARED.match(data)) is not None:
        return _plain(data.decode(declared[1].decode("ascii"), errors="replace"))
    if (wide := _unmarked_utf16(data[:_SAMPLE])) is not None:
        return _plain(data.decode(wide, errors="replace"))
    try:
        return _plain(data.decode("utf-8"))
    except UnicodeDecodeError:
        # Nearly all text that is called Latin-1 is Windows-1252, which adds dashes and quotes to it.
        return _plain(data.decode("windows-1252", errors="replace"))


def _unmarked_utf16(sample: bytes) -> str | None:
    """UTF-16 of mostly Western text has a zero in every other place."""
    half = max(1, len(sample) // 2)
    if sample[1::2].count(0) > 0.4 * half and sample[::2].count(0) < 0.1 * half:
        return "utf-16-le"
    if sample[::2].count(0) > 0.4 * half and sample[1::2].count(0) < 0.1 * half:
        return "utf-16-be"
    return None


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
