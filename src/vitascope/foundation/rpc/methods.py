"""What a contract's methods take and give, read off its Protocol."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

import msgspec

from vitascope.foundation.context import Context
from vitascope.foundation.encoding import from_json
from vitascope.foundation.errors import Invalid


class NotCallableFromAfar(TypeError):
    """A contract's methods are `async def method(self, ctx: Context, *, …)` with declared types."""


@dataclass(frozen=True)
class Method:
    """One method: the types of its arguments by name, those that may be left out, and of its result."""

    name: str
    arguments: Mapping[str, Any]
    optional: frozenset[str]
    returns: Any

    def read(self, body: bytes) -> dict[str, Any]:
        """The typed arguments; raises `Invalid` naming the one that is wrong, missing or unknown."""
        sent = from_json(body, dict[str, msgspec.Raw])
        for name in sent.keys() ^ self.arguments.keys():
            if name not in self.optional:
                raise Invalid(f"{self.name} has no argument {name!r}, or needs it.", field=name)
        return {name: self._read_one(name, bytes(text)) for name, text in sent.items()}

    def _read_one(self, name: str, text: bytes) -> Any:
        try:
            return from_json(text, self.arguments[name])
        except msgspec.ValidationError as failure:
            raise Invalid(str(failure), field=name) from failure


def name_of(contract: type[Any]) -> str:
    """The name by which both sides know a contract."""
    return f"{contract.__module__}.{contract.__qualname__}"


def methods_of(contract: type[Any]) -> Mapping[str, Method]:
    """The public methods of a Protocol; raises `NotCallableFromAfar` for one that cannot be sent."""
    found: dict[str, Method] = {}
    for base in reversed(contract.__mro__):
        if getattr(base, "_is_protocol", False):
            functions = {name: one for name, one in vars(base).items() if inspect.isfunction(one)}
            found |= {name: _method(one) for name, one in functions.items() if not name.startswith("_")}
    return found


def _method(function: Callable[..., Any]) -> Method:
    hints = get_type_hints(function)
    _, *parameters = inspect.signature(function).parameters.values()
    first, rest = (parameters[0], parameters[1:]) if parameters else (None, [])
    plain = all(one.kind is inspect.Parameter.KEYWORD_ONLY and one.name in hints for one in rest)
    asked_by = first is not None and hints.get(first.name) is Context
    if not (inspect.iscoroutinefunction(function) and asked_by and plain and "return" in hints):
        raise NotCallableFromAfar(
            f"{function.__qualname__} cannot be called in another process: "
            "it must be `async def …(self, ctx: Context, *, …)` with declared types"
        )
    return Method(
        name=function.__name__,
        arguments={one.name: hints[one.name] for one in rest},
        optional=frozenset(one.name for one in rest if one.default is not inspect.Parameter.empty),
        returns=hints["return"],
    )
