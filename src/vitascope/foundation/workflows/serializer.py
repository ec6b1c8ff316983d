"""How DBOS keeps what we give it: as JSON that a person can read in the table, never as pickle.

Arguments and results are strings already (see `results`); errors keep their kind, so that a replayed
step raises what it raised the first time.
"""

from datetime import datetime
from typing import Any

import msgspec
from dbos import Serializer

from vitascope.foundation.errors import VitascopeError

NAME = "vitascope_json"


class StepFailed(VitascopeError):
    """A step failed with an error that has no kind of its own."""


class JsonSerializer(Serializer):
    """JSON with a mark for the three things that are more than JSON: arguments, instants, errors."""

    def name(self) -> str:
        """The name that DBOS writes beside each value."""
        return NAME

    def serialize(self, data: Any) -> str:
        """The value as text."""
        return msgspec.json.encode(_plain(data)).decode()

    def deserialize(self, serialized_data: str) -> Any:
        """The value of the text."""
        return _typed(msgspec.json.decode(serialized_data))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"$instant": value.isoformat()}
    if isinstance(value, VitascopeError):
        return {"$error": value.kind, "detail": value.detail, "field": value.field, "extra": value.extra}
    if isinstance(value, BaseException):
        return {"$error": StepFailed.kind, "detail": f"{type(value).__name__}: {value}"}
    if isinstance(value, dict) and value.keys() == {"args", "kwargs"}:
        return {"args": [_plain(one) for one in value["args"]], "kwargs": value["kwargs"]}
    return value


def _typed(value: Any) -> Any:
    match value:
        case {"$instant": text}:
            return datetime.fromisoformat(text)
        case {"$error": kind, "detail": detail}:
            error = VitascopeError.registry.get(kind, StepFailed)
            return error(detail, field=value.get("field"), extra=value.get("extra"))
        case {"args": args, "kwargs": kwargs}:
            return {"args": tuple(_typed(one) for one in args), "kwargs": kwargs}
    return value
