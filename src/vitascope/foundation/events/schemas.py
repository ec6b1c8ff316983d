"""A JSON schema of each event type, kept in the repository; a breaking change to one is refused.

The log holds events for ever, so a type may only grow: what was written before must still be read, and
what others read must still be there. Anything else is a new version of the type.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from vitascope.foundation.events.types import type_name
from vitascope.foundation.ids import Id


def schema_of(kind: type[Any]) -> dict[str, Any]:
    """The JSON schema (2020-12) of a declared event type."""
    (root,), definitions = msgspec.json.schema_components([kind], schema_hook=_id)
    return {"$id": type_name(kind), **_resolved(root, definitions)}


def text_of(kind: type[Any]) -> str:
    """The schema as it is kept in a file."""
    return json.dumps(schema_of(kind), indent=2, sort_keys=True) + "\n"


def path_of(kind: type[Any], folder: Path) -> Path:
    """Where the schema is kept."""
    return folder / f"{type_name(kind)}.json"


def breaks(kept: Mapping[str, Any], now: Mapping[str, Any], *, place: str = "") -> Iterator[str]:
    """What of a change between two schemas breaks readers, or what was written before; a line each."""
    if "properties" not in kept or "properties" not in now:
        if _bare(kept) != _bare(now):
            yield f"{place or 'the event'} was {_bare(kept)} and is {_bare(now)}"
        return
    before, after = kept["properties"], now["properties"]
    for name in before.keys() - after.keys():
        yield f"{place}{name} was taken away"
    for name in sorted(set(now.get("required", ())) - set(kept.get("required", ()))):
        yield f"{place}{name} is needed now, and what was written before may lack it"
    for name in sorted(before.keys() & after.keys()):
        yield from breaks(before[name], after[name], place=f"{place}{name}.")


def _bare(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Without what only people read, and without a default, which changes nothing that is written."""
    return {name: value for name, value in schema.items() if name not in {"title", "description", "default"}}


def _resolved(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """With every reference replaced by what it stands for."""
    if isinstance(schema, list):
        return [_resolved(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _resolved(value, definitions) for name, value in schema.items()}


def _id(kind: type[Any]) -> dict[str, Any]:
    if issubclass(kind, Id):
        return {"type": "string", "pattern": f"^{kind.prefix}_[0-7][0-9a-z]{{25}}$"}
    raise NotImplementedError(f"no JSON schema for {kind.__name__}")
