"""Language tags (BCP 47, RFC 5646): well-formed, of registered subtags, in their canonical form.

The registered subtags are in `language_subtags.txt`, which is read when the first tag is looked at.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from vitascope.transcoding.pipeline.contracts import TrackRejected
from vitascope.transcoding.pipeline.languages import UNKNOWN, shortest

_LONGEST = 35  # characters: what RFC 5646, section 4.4.1, asks to make room for
_KINDS = ("extlang", "script", "region", "variant")


@cache
def _registry() -> Mapping[str, frozenset[str]]:
    text = files(__package__).joinpath("language_subtags.txt").read_text(encoding="ascii")
    rows = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {kind: frozenset(word.lower() for word in words) for kind, *words in rows}


@cache
def _preferred() -> Mapping[str, str]:
    return dict(pair.split("=") for pair in _registry()["preferred"])


def canonical(tag: str, *, field: str) -> str:
    """The tag in its canonical form: `EN-us` gives `en-US`, `ger` gives `de`, `iw` gives `he`.

    Raises TrackRejected, saying what is wrong with it.
    """
    text = tag.strip().replace("_", "-").lower()
    if text in _registry()["grandfathered"]:
        text = _preferred().get(text, text)
    problem = _problem(text)
    if problem is not None:
        raise TrackRejected(f"{tag!r} is not a language tag: {problem}", field=field)
    language, *rest = text.split("-")
    language = _preferred().get(shortest(language), shortest(language))
    return "-".join([language, *map(_cased, rest)])


def tag_or_unknown(tag: str) -> str:
    """The canonical form of a tag that a file names, `und` if it is none."""
    try:
        return canonical(tag, field="language")
    except TrackRejected:
        return UNKNOWN


def _problem(text: str) -> str | None:
    parts = text.split("-")
    if len(text) > _LONGEST or not all(part.isascii() and part.isalnum() and len(part) < 9 for part in parts):
        return "it has subtags of 1 to 8 letters and digits, such as `en`, `pt-BR` or `zh-Hant`."
    language, *rest = parts
    if language not in _registry()["language"] and shortest(language) == language:
        return f"no language is registered as {language}."
    return _problem_of_rest(rest)


def _problem_of_rest(rest: list[str]) -> str | None:
    """Subtags come in the order of their kinds; after a single character anything may follow."""
    allowed, seen = list(_KINDS), set[str]()
    for number, part in enumerate(rest):
        if len(part) == 1:
            following = rest[number + 1 : number + 2]
            return None if following and len(following[0]) > 1 else f"nothing follows {part}."
        kind = next((kind for kind in allowed if part in _registry()[kind]), None)
        if kind is None or part in seen:
            return f"{part} is not registered, stands at a wrong place or stands there twice."
        seen.add(part)
        allowed = allowed[allowed.index(kind) + (kind != "variant") :]
    return None


def _cased(part: str) -> str:
    if len(part) == 4 and part.isalpha():
        return part.title()
    return part.upper() if len(part) == 2 else part
