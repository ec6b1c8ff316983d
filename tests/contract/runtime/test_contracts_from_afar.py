"""Every contract of every service can be asked in another process: its methods, its values, its errors."""

import inspect
from collections.abc import Iterator
from typing import Any, Protocol

import msgspec
import msgspec.inspect
import pytest

from vitascope.foundation.errors import VitascopeError
from vitascope.foundation.rpc.methods import NotCallableFromAfar, asks_nobody, methods_of, name_of
from vitascope.runtime.registry import MODULES

CONTRACTS = [contract for module in MODULES for contract in module.provides]
AFAR = [one for one in CONTRACTS if not asks_nobody(one)]


class Socket:
    """Something that is no value."""


class Unsendable(Protocol):
    """A contract that works within a process only."""

    async def connect(self, *, sockets: list[Socket]) -> None:
        """Take what no JSON text holds."""


def _without_json(contract: type) -> list[type]:
    """Types in the contract's methods that have no JSON form; raises where a type cannot be read back."""
    kinds = [kind for one in methods_of(contract).values() for kind in (*one.arguments.values(), one.returns)]
    custom = {made for kind in kinds for made in _custom(msgspec.inspect.type_info(kind), set())}
    return [one for one in custom if not issubclass(one, str)]  # of our own kinds, ids and keys are strings


def _custom(node: Any, seen: set[Any]) -> Iterator[type]:
    """The classes in a type that msgspec leaves to us."""
    if isinstance(node, tuple):
        for one in node:
            yield from _custom(one, seen)
    elif isinstance(node, msgspec.inspect.CustomType):
        yield node.cls
    elif isinstance(node, msgspec.Struct):
        of = getattr(node, "cls", None)
        if of in seen:
            return
        seen |= {of} - {None}
        for name in node.__struct_fields__:
            yield from _custom(getattr(node, name), seen)


def _errors(kind: type[VitascopeError]) -> Iterator[type[VitascopeError]]:
    for one in kind.__subclasses__():
        if one.__module__.startswith("vitascope."):
            yield one
        yield from _errors(one)


class TestContracts:
    @pytest.mark.parametrize("contract", AFAR, ids=name_of)
    def test_each_method_can_be_sent(self, contract: type) -> None:
        """Each argument and each result has a JSON form that is read back by its declared type."""
        assert methods_of(contract)
        assert _without_json(contract) == []

    def test_what_cannot_be_sent_is_found(self) -> None:
        """The check above sees a value that has no JSON form, however deep."""
        assert _without_json(Unsendable) == [Socket]

    def test_contracts_are_asked_or_computed(self) -> None:
        """A contract of which some methods wait and others cannot is refused."""

        class Torn(Protocol):
            async def ask(self, *, what: str) -> str: ...
            def compute(self, *, what: str) -> str: ...

        with pytest.raises(NotCallableFromAfar, match="compute"):
            methods_of(Torn)

    @pytest.mark.parametrize("contract", AFAR, ids=name_of)
    def test_implementation_takes_what_the_contract_says(self, contract: type) -> None:
        """The provider of a contract has all its methods, with parameters of the same names."""
        provider = next(module.provides[contract] for module in MODULES if contract in module.provides)

        for method in methods_of(contract).values():
            taken = inspect.signature(getattr(provider, method.name)).parameters

            assert set(method.arguments) <= set(taken)


class TestErrors:
    def test_each_kind_is_one_class(self) -> None:
        """No two errors share their stable name, so an error comes back as the class that was raised."""
        shared = {
            one for one in _errors(VitascopeError) if VitascopeError.registry.get(one.kind) not in {one, None}
        }

        assert shared == set()
