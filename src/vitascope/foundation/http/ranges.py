"""Range requests for bytes (RFC 9110, section 14).

One range is served as 206. A malformed header or another unit is ignored, as the RFC asks, and the
whole is sent. Several ranges are merged where they touch; if more than one is left, the whole is
sent too (section 14.2 allows it): no player asks for that, and multipart answers cannot be sent by
sendfile. Docs: decision record 0027.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from vitascope.foundation.errors import VitascopeError

MAX_RANGES = 16

_SPEC = re.compile(r"(?P<first>[0-9]*)-(?P<last>[0-9]*)", re.ASCII)
_MAX_DIGITS = 19  # every length below 2**63 fits; longer numbers only cost time


class RangeNotSatisfiable(VitascopeError):
    """None of the bytes that were asked for exist."""

    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE


@dataclass(frozen=True, slots=True, order=True)
class ByteRange:
    """Bytes from `start` up to but not including `stop`."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.stop - self.start

    def content_range(self, *, size: int) -> str:
        """The Content-Range header of a 206 answer."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def select_range(
    header: str | None,
    *,
    size: int,
    if_range: str | None = None,
    etag: str | None = None,
    modified: datetime | None = None,
) -> ByteRange | None:
    """The bytes to send as 206, or None to send the whole as 200.

    Raises RangeNotSatisfiable (416, with Content-Range) if the header is well-formed but asks only
    for bytes that do not exist.
    """
    if header is None or not _is_unchanged(if_range, etag=etag, modified=modified):
        return None
    specs = _parsed(header)
    if specs is None:
        return None
    ranges = _merged([found for spec in specs if (found := _resolved(spec, size)) is not None])
    if not ranges:
        raise RangeNotSatisfiable(extra={"content_range": f"bytes */{size}"})
    return ranges[0] if len(ranges) == 1 else None


def _parsed(header: str) -> list[tuple[int | None, int | None]] | None:
    """(first, last) of each range, (None, n) for the last n bytes; None if the header is malformed."""
    unit, equals, rest = header.partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return None
    texts = [text.strip(" \t") for text in rest.split(",")]
    specs = [_spec(text) for text in texts if text]
    known = [spec for spec in specs if spec is not None]
    return known if known and len(known) == len(specs) and len(known) <= MAX_RANGES else None


def _spec(text: str) -> tuple[int | None, int | None] | None:
    match = _SPEC.fullmatch(text)
    if match is None or max(len(match["first"]), len(match["last"])) > _MAX_DIGITS:
        return None
    first = int(match["first"]) if match["first"] else None
    last = int(match["last"]) if match["last"] else None
    backwards = first is not None and last is not None and last < first
    return None if backwards or (first is None and last is None) else (first, last)


def _resolved(spec: tuple[int | None, int | None], size: int) -> ByteRange | None:
    first, last = spec
    if first is None:
        found = ByteRange(max(0, size - (last or 0)), size)
    else:
        found = ByteRange(first, size if last is None else min(last + 1, size))
    return found if found.length > 0 else None


def _merged(ranges: list[ByteRange]) -> list[ByteRange]:
    merged: list[ByteRange] = []
    for found in sorted(ranges):
        if merged and found.start <= merged[-1].stop:
            merged[-1] = ByteRange(merged[-1].start, max(merged[-1].stop, found.stop))
        else:
            merged.append(found)
    return merged


def _is_unchanged(if_range: str | None, *, etag: str | None, modified: datetime | None) -> bool:
    """Whether If-Range holds: the same strong tag, or exactly the same date (section 13.1.5)."""
    if if_range is None:
        return True
    if if_range.startswith(('"', "W/")):
        return etag is not None and not if_range.startswith("W/") and if_range == etag
    try:
        asked = parsedate_to_datetime(if_range)
    except ValueError:
        return False
    return modified is not None and asked.tzinfo is not None and asked == modified.replace(microsecond=0)
