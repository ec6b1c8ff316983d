"""How a service says what it does when something happened elsewhere."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from vitascope.foundation.events.types import type_name

Call = Callable[..., Awaitable[None]]


@dataclass(frozen=True)
class Handler:
    """A function that hears events of some types, in the transaction that moves the cursor."""

    function: Call
    events: tuple[type[Any], ...]
    batched: bool = False

    @property
    def types(self) -> tuple[str, ...]:
        """The CloudEvents types that it hears."""
        return tuple(type_name(one) for one in self.events)


@dataclass(frozen=True)
class BoundHandler:
    """A handler with the services that it asked for."""

    handler: Handler
    provided: dict[str, Any] = field(default_factory=dict)

    async def __call__(self, tx: Any, events: Sequence[Any]) -> None:
        """Handle a run of events of one type and tenant, in their order."""
        if self.handler.batched:
            await self.handler.function(tx, events, **self.provided)
            return
        for one in events:
            await self.handler.function(tx, one, **self.provided)


def on(*events: type[Any]) -> Callable[[Call], Handler]:
    """Handle each event: `@on(TitleRemoved) async def forget(tx, event, viewing: Provided[…])`."""
    return lambda function: Handler(function, events)


def on_batch(*events: type[Any]) -> Callable[[Call], Handler]:
    """Handle runs of events of one tenant with one call, for projections of many small events."""
    return lambda function: Handler(function, events, batched=True)
