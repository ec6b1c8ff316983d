"""Keep secrets out of log lines: the last thing that happens to an event before it is written."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import SecretBytes, SecretStr

REDACTED = "[redacted]"
_MAX_DEPTH = 8

_NAMES = (
    r"passw(or)?d|passphrase|secret|token|authorization|cookie|api[_-]?key|credential|private[_-]?key"
    r"|signature|otp"
)
_SECRET_NAME = re.compile(
    rf"(?:^|[_\-.])(?:{_NAMES})s?(?:$|[_\-.])|passw(or)?d|apikey|privatekey", re.IGNORECASE
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SECRET_IN_TEXT = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=\-]{6,}"), rf"\1 {REDACTED}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.\-]*://[^\s:/@]*):[^\s@/]+@"), rf"\1:{REDACTED}@"),
    (
        re.compile(rf"(?i)([\"']?[a-z_\-]*(?:{_NAMES})[\"']?\s*[=:]\s*)([\"'][^\"']*[\"']|[^\s,;&\"'}})]+)"),
        rf"\1{REDACTED}",
    ),
)
_HINT = re.compile(rf"(?i){_NAMES}|bearer|basic|://")


def redact(value: Any, *, depth: int = 0) -> Any:
    """The same value with every secret in it replaced: by its key, by its type, or by its looks."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (SecretStr, SecretBytes)):
        return REDACTED
    if isinstance(value, (Mapping, list, tuple, set, frozenset)):
        return _redact_inside(value, depth + 1)
    return redact_text(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))


def _redact_inside(value: Any, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        return "[too deep]"
    if isinstance(value, Mapping):
        return {str(key): _redact_item(str(key), item, depth) for key, item in value.items()}
    return [redact(item, depth=depth) for item in value]


def redact_text(text: str) -> str:
    """The text without what looks like a credential: `Bearer …`, `scheme://user:…@`, `password=…`."""
    if not _HINT.search(text):
        return text
    for pattern, replacement in _SECRET_IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def is_secret_name(name: str) -> bool:
    """Whether a value of this name is kept out of the log."""
    return _SECRET_NAME.search(_CAMEL.sub("_", name)) is not None


def _redact_item(key: str, value: Any, depth: int) -> Any:
    return REDACTED if is_secret_name(key) else redact(value, depth=depth)
