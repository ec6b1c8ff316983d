"""What a contract's methods take and give, read off its Protocol."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

import msgspec

from vitascope.foundation.context import Context
from vitascope.foundation.encoding import from_json
from vitascope.foundation.errors import Invalid, NotFound

PREFIX = "/rpc"


class NotCallableFromAfar(TypeError):
    """A contract's methods are `async def method(self, ctx: Context, *, …)` with declared types."""


class NoSuchMethod(NotFound):
    """This process provides no such contract or method."""


@dataclass(frozen=True)
class Method:
    """One method: the types of its arguments by name, those that may be left out, and of its result.

    A few methods are asked before anybody is known, and take no context: `in_context` is False then.
    """

    name: str
    in_context: bool
    arguments: Mapping[str, Any]
    optional: frozenset[str]
    returns: Any

    def read(self, body: bytes) -> dict[str, Any]:
        """The typed arguments; raises `Invalid` naming the one that is wrong, missing or unknown."""
        sent = _members(body)
        for name in sorted(sent.keys() ^ self.arguments.keys()):
            if name not in self.optional:
                raise Invalid(f"{self.name} has no argument {name!r}, or needs it.", field=name)
        return {name: self._read_one(name, bytes(text)) for name, text in sent.items()}

    def _read_one(self, name: str, text: bytes) -> Any:
        try:
            return from_json(text, self.arguments[name])
        except msgspec.ValidationError as failure:
            raise Invalid(str(failure), field=name) from failure


def _members(body: bytes) -> dict[str, msgspec.Raw]:
    try:
        return from_json(body, dict[str, msgspec.Raw])
    except msgspec.DecodeError as failure:
        raise Invalid(f"The arguments are not a JSON object: {failure}") from failure


def name_of(contract: type[Any]) -> str:
    """The name by which both sides know a contract."""
    return f"{contract.__module__}.{contract.__qualname__}"


def address_of(contract: type[Any], method: str) -> str:
    """The path at which a method of a contract is answered."""
    return f"{PREFIX}/{name_of(contract)}/{method}"


def asks_nobody(contract: Any) -> bool:
    """Whether all methods are plain functions: they can wait for nobody, so each process computes its own."""
    return not any(inspect.iscoroutinefunction(one) for one in _functions(contract).values())


def methods_of(contract: Any) -> Mapping[str, Method]:
    """The public methods of a Protocol; raises `NotCallableFromAfar` for one that cannot be sent."""
    return {name: _method(one) for name, one in _functions(contract).items()}


def _functions(contract: Any) -> dict[str, Callable[..., Any]]:
    """The public functions of a Protocol and of those that it extends."""
    protocols = [base for base in reversed(contract.__mro__) if getattr(base, "_is_protocol", False)]
    found = {name: one for base in protocols for name, one in vars(base).items() if inspect.isfunction(one)}
    return {name: one for name, one in found.items() if not name.startswith("_")}


def _method(function: Callable[..., Any]) -> Method:
    hints = get_type_hints(function)
    _, *parameters = inspect.signature(function).parameters.values()
    in_context = bool(parameters) and hints.get(parameters[0].name) is Context
    rest = parameters[1:] if in_context else parameters
    plain = all(one.kind is inspect.Parameter.KEYWORD_ONLY and one.name in hints for one in rest)
    if not (inspect.iscoroutinefunction(function) and plain and "return" in hints):
        raise NotCallableFromAfar(
            f"{function.__qualname__} cannot be called in another process: "
            "it must be `async def …(self, ctx: Context, *, …)` with declared types"
        )
    return Method(
        name=function.__name__,
        in_context=in_context,
        arguments={one.name: hints[one.name] for one in rest},
        optional=frozenset(one.name for one in rest if one.default is not inspect.Parameter.empty),
        returns=hints["return"],
    )
