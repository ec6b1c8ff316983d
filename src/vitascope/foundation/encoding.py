"""JSON for our own frozen types: events, remote calls and durable arguments read and write it.

Dataclasses and msgspec structs are taken as they are; kinds of strings (ids, object keys)
are checked on the way in.
"""

from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def _encode(value: Any) -> Any:
    if isinstance(value, str):
        return str.__str__(value)
    raise NotImplementedError(f"no JSON form for {type(value).__name__}")


def _decode(kind: type[Any], value: Any) -> Any:
    if issubclass(kind, str):
        if not isinstance(value, str):
            raise ValueError(f"{kind.__name__} is a string")  # noqa: TRY004 - msgspec converts ValueError
        return kind(value)
    raise NotImplementedError(f"no JSON form for {kind.__name__}")


_encoder = msgspec.json.Encoder(enc_hook=_encode)


def to_json(value: Any) -> bytes:
    """The value as JSON text in UTF-8."""
    return _encoder.encode(value)


def from_json(text: bytes | str, kind: type[T]) -> T:
    """The value of this type; raises `msgspec.ValidationError` naming the place that is wrong."""
    return msgspec.json.decode(text, type=kind, dec_hook=_decode)


def to_plain(value: Any) -> Any:
    """The value as plain dictionaries, lists, strings and numbers."""
    return msgspec.to_builtins(value, enc_hook=_encode)


def from_plain(value: Any, kind: type[T]) -> T:
    """The typed value of plain data; raises `msgspec.ValidationError`."""
    return msgspec.convert(value, type=kind, dec_hook=_decode)
