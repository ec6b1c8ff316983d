"""How a file is answered over HTTP (RFC 9110): whole, in part, unchanged or not at all.

The same for the media server, for the route on the main port and, in configuration, for nginx,
whose form of entity tags is used here too, so that a player may change from one to another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache

from vitascope.foundation.errors import NotFound
from vitascope.foundation.http.etags import is_not_modified
from vitascope.foundation.http.ranges import select_range

IMMUTABLE = "private, max-age=86400, immutable"
CHECKED = "private, no-cache"

# What is sent at all. A name is made by our own packager: nothing in it needs to be decoded.
TYPES: Mapping[str, str] = {
    "m3u8": "application/vnd.apple.mpegurl",
    "mpd": "application/dash+xml",
    "m4s": "video/iso.segment",
    "mp4": "video/mp4",
    "vtt": "text/vtt; charset=utf-8",
    "jpg": "image/jpeg",
}
MANIFESTS = frozenset({"m3u8", "mpd"})
"""These may gain renditions, so they are checked each time; all else never changes under its name."""

CORS: Mapping[str, str] = {
    "access-control-allow-origin": "*",  # the token is the whole right: no cookie is looked at
    "access-control-expose-headers": "content-length, content-range, etag",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
}
PREFLIGHT: Mapping[str, str] = {
    **CORS,
    "access-control-allow-methods": "GET, HEAD",
    "access-control-allow-headers": "range, if-range, if-none-match, if-modified-since",
    "access-control-max-age": "86400",
}

_PART = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


class NoSuchFile(NotFound):
    """There is no such file in this playback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What an answer depends on; `modified` in seconds since 1970."""

    name: str
    size: int
    modified: float

    @property
    def etag(self) -> str:
        """As nginx makes it: seconds and size, in hexadecimal."""
        return f'"{int(self.modified):x}-{self.size:x}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The request headers that change the answer."""

    range: str | None = None
    if_range: str | None = None
    if_none_match: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status, headers, and which bytes of the file follow them."""

    status: int
    headers: Mapping[str, str]
    start: int = 0
    length: int = 0


def suffix_of(path: str) -> str:
    """The kind of a file of a playback; raises NoSuchFile for a path that can be none.

    Only plain names part by part: nothing hidden, nothing that climbs, nothing encoded.
    """
    parts = path.split("/")
    stem, _, suffix = parts[-1].rpartition(".")
    if (
        not stem
        or suffix not in TYPES
        or not all(part and part[0] != "." and _PART.issuperset(part) for part in parts)
    ):
        raise NoSuchFile
    return suffix


def answer(file: File, asked: Conditions) -> Answer:
    """The answer to a GET; raises RangeNotSatisfiable."""
    headers = headers_of(file.name.rpartition(".")[2])
    unchanging = {"etag": file.etag, "last-modified": _http_date(int(file.modified))}
    if asked.if_none_match is not None and is_not_modified(asked.if_none_match, etag=file.etag):
        return Answer(status=304, headers={**headers, **unchanging})
    part = None
    if asked.range is not None:
        part = select_range(
            asked.range,
            size=file.size,
            if_range=asked.if_range,
            etag=file.etag,
            modified=datetime.fromtimestamp(int(file.modified), UTC),
        )
    if part is None:
        whole = {**headers, **unchanging, "content-length": str(file.size)}
        return Answer(status=200, headers=whole, length=file.size)
    partial = {"content-length": str(part.length), "content-range": part.content_range(size=file.size)}
    return Answer(
        status=206, headers={**headers, **unchanging, **partial}, start=part.start, length=part.length
    )


@lru_cache
def headers_of(suffix: str) -> Mapping[str, str]:
    """What all answers with a file of this kind say."""
    return {
        **CORS,
        "content-type": TYPES[suffix],
        "cache-control": CHECKED if suffix in MANIFESTS else IMMUTABLE,
        "accept-ranges": "bytes",
    }


@lru_cache(maxsize=4096)
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
