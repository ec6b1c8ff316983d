"""Is a text a language tag? BCP 47 (RFC 5646), section 2.1."""

import re

from vitascope.transcoding.pipeline.languages import is_code

_TAG = re.compile(
    r"(?P<language>[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})"
    r"(?:-[a-z]{4})?"
    r"(?:-(?:[a-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*"
    r"(?:-x(?:-[a-z0-9]{1,8})+)?",
    re.IGNORECASE,
)
_PRIVATE = re.compile(r"x(?:-[a-z0-9]{1,8})+", re.IGNORECASE)
_LONGEST = 100


def well_formed(tag: str) -> bool:
    """Whether it is a language tag whose language, if of two letters, is one of ISO 639-1."""
    if len(tag) > _LONGEST:
        return False
    match = _TAG.fullmatch(tag)
    if match is None:
        return _PRIVATE.fullmatch(tag) is not None
    language = match["language"].lower().partition("-")[0]
    return len(language) != 2 or is_code(language)
