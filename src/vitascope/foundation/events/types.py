"""What an event is, and the register of their types."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, dataclass_transform

from vitascope.foundation.context import TenantId
from vitascope.foundation.encoding import from_json
from vitascope.foundation.ids import Id


class EventId(Id, prefix="evt"):
    """An event's id, unique over all tenants and types."""


E = TypeVar("E")
_types: dict[str, type[Any]] = {}
_names: dict[type[Any], str] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def event(name: str, *, version: int) -> Callable[[type[E]], type[E]]:
    """Declare an event type: `@event("shop.orders.order_placed", version=1)`.

    The class becomes a frozen keyword-only dataclass; its CloudEvents type is
    `vitascope.shop.orders.order_placed.v1`.
    """

    def declare(cls: type[E]) -> type[E]:
        declared = dataclass(frozen=True, kw_only=True)(cls)
        full = f"vitascope.{name}.v{version}"
        known = _types.get(full)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise ValueError(f"the event type {full} is declared twice")
        _types[full] = declared
        _names[declared] = full
        return declared

    return declare


def type_name(kind: type[Any]) -> str:
    """The CloudEvents type of a declared class; raises TypeError for any other class."""
    try:
        return _names[kind]
    except KeyError:
        raise TypeError(f"{kind.__qualname__} is not declared with @event") from None


def event_types() -> dict[str, type[Any]]:
    """All declared types by their CloudEvents type; the catalogue and the schema check read it."""
    return dict(_types)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An event as the log holds it: the attributes of CloudEvents 1.0 and our own extensions.

    `position` is its place in the log of this database, without which nothing was read;
    `sequence` counts the events of one subject from 1.
    """

    id: EventId
    type: str
    subject: str
    tenant: TenantId
    time: datetime
    position: int
    sequence: int
    data: bytes
    trace: str | None = None

    def decode(self) -> Any:
        """The typed event; raises `UnknownEventType` if this program does not know its type."""
        return decode(self.type, self.data)


def decode(name: str, data: bytes | str) -> Any:
    """The typed event of a CloudEvents type and its JSON data; raises `UnknownEventType`."""
    kind = _types.get(name)
    if kind is None:
        raise UnknownEventType(name)
    return from_json(data, kind)


class UnknownEventType(LookupError):
    """The log holds an event of a type that this program does not know."""
