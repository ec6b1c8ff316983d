"""Strong entity tags and the conditions that use them (RFC 9110, sections 8.8.3 and 13.1)."""

import hashlib
import re
from collections.abc import Iterable

from vitascope.foundation.errors import PreconditionFailed

_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_DIGEST_BYTES = 16


def etag_of(*parts: bytes | str | int) -> str:
    """A strong entity tag of what determines the representation: an id and a version, or its bytes."""
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return f'"{digest.hexdigest()}"'


def is_not_modified(if_none_match: str | None, *, etag: str) -> bool:
    """Whether the client has this representation already: answer 304 (a read) or 412 (a write)."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return _opaque(etag) in {_opaque(tag) for tag in _tags(if_none_match)}


def require_match(if_match: str | None, *, etag: str | None) -> None:
    """Raise PreconditionFailed unless the client saw the present state; `etag` is None if there is none.

    A missing header asks for nothing. Weak tags never match (RFC 9110, section 13.1.1).
    """
    if if_match is None:
        return
    if if_match.strip() == "*":
        matched = etag is not None
    else:
        matched = etag is not None and not etag.startswith("W/") and etag in _tags(if_match)
    if not matched:
        raise PreconditionFailed


def _tags(header: str) -> Iterable[str]:
    """The tags of a list; a malformed list has none."""
    if _TAG.sub("", header).strip(", \t"):
        return []
    return [match.group() for match in _TAG.finditer(header)]


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/")
