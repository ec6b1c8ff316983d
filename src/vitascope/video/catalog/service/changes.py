"""What may be said of a title, whoever says it: a page, the API, another service."""

from dataclasses import asdict, fields
from typing import Any

from vitascope.foundation.errors import Invalid
from vitascope.video.catalog.contracts import TitleChanges

MAX_NAME, MAX_DESCRIPTION = 200, 5000
MAX_TAGS, MAX_TAG = 30, 40
_BREAKS = frozenset("\n\t")


def values_of(changes: TitleChanges) -> dict[str, Any]:
    """The columns that change; raises Invalid naming the field that cannot be."""
    _check(changes)
    given = {one.name: getattr(changes, one.name) for one in fields(changes)}
    changed = {name: value for name, value in given.items() if value is not None}
    if changes.tags is not None:
        changed["tags"] = list(dict.fromkeys(tag.lower() for tag in changes.tags))
    if changes.people is not None:
        changed["people"] = [asdict(person) for person in changes.people]
    if changes.visibility is not None:
        changed["visibility"] = changes.visibility.value
    return changed


def _check(changes: TitleChanges) -> None:
    if changes.name is not None:
        _check_line(changes.name, field="name", longest=MAX_NAME)
    if changes.description is not None and len(changes.description) > MAX_DESCRIPTION:
        raise Invalid(f"A description has at most {MAX_DESCRIPTION} characters.", field="description")
    if not _is_printable(changes.description or ""):
        raise Invalid("Control characters are not taken here.", field="description")
    if len(changes.tags or ()) > MAX_TAGS:
        raise Invalid(f"A title has at most {MAX_TAGS} tags.", field="tags")
    for tag in changes.tags or ():
        _check_line(tag, field="tags", longest=MAX_TAG)


def _check_line(text: str, *, field: str, longest: int) -> None:
    if not text.strip():
        raise Invalid("This cannot be empty.", field=field)
    if len(text) > longest:
        raise Invalid(f"This has at most {longest} characters.", field=field)
    if not text.isprintable():
        raise Invalid("This takes one line, without control characters.", field=field)


def _is_printable(text: str) -> bool:
    return all(character.isprintable() or character in _BREAKS for character in text)
