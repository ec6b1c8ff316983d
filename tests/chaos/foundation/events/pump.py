"""A relay and two consumers as a process, which kills itself at chosen points; its orders are in argv."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import text

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.db.database import Database, Transaction
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.events import relay
from vitascope.foundation.events.handlers import BoundHandler, Handler, on
from vitascope.foundation.events.hints import Hints
from vitascope.foundation.events.subscriptions import Subscription
from vitascope.foundation.events.types import event
from vitascope.foundation.ids import RandomIds

_HEARD = text("INSERT INTO test.heard (consumer, number) VALUES (:consumer, :number)")


@event("chaos.number_drawn", version=1)
class NumberDrawn:
    """A number."""

    number: int


class Fate:
    """Kills the process the first time that it comes to a point, over all its lives."""

    def __init__(self, points: list[str], folder: Path) -> None:
        self._points, self._folder = points, folder

    def meets(self, point: str) -> None:
        """Die here, if it is so ordered and has not happened before."""
        mark = self._folder / point
        if point in self._points and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def _handler(consumer: str, fate: Fate) -> Handler:
    @on(NumberDrawn)
    async def hear(tx: Transaction, drawn: NumberDrawn) -> None:
        await tx.execute(_HEARD, {"consumer": consumer, "number": drawn.number})
        fate.meets("handled")
        tx.after_commit(lambda: fate.meets("committed"))

    return hear


def _forget_to_be_atomic(db: Database) -> None:
    """The planted bug: the cursor moves in a transaction of its own, before the effect."""
    move = Subscription._move

    async def early(self: Any, _tx: Transaction, of: int, to: int) -> bool:
        async with db.transaction(_tx.ctx) as own:
            return await move(self, own, of, to)

    setattr(Subscription, "_move", early)  # noqa: B010 - broken on purpose, past the type checker


async def _pump(orders: dict[str, Any]) -> None:
    passwords = {Role(name): value for name, value in orders["endpoint"].pop("passwords").items()}
    endpoint = Endpoint(**orders["endpoint"], passwords=passwords)
    fate = Fate(orders["points"], Path(orders["folder"]))
    hints = Hints(dsn=endpoint.dsn(Role.APP))
    db = Database(endpoint, clock=SystemClock(), ids=RandomIds(), size=4)
    if orders["careless"]:
        _forget_to_be_atomic(db)
    whole = relay.move

    async def move(connection: asyncpg.Connection, batch: int = 2000) -> int:
        moved = await whole(connection, batch)
        if moved:
            fate.meets("moved")
        return moved

    relay.move = move
    consumers = [
        Subscription(
            name=name,
            handlers=[BoundHandler(_handler(name, fate))],
            db=db,
            hint=hints.on_log(),
            clock=SystemClock(),
        )
        for name in ("one", "two")
    ]
    mover = relay.Relay(dsn=endpoint.dsn(Role.SYSTEM), hint=hints.on_outbox())
    await asyncio.gather(hints.run(), mover.run(), *(one.run() for one in consumers))


if __name__ == "__main__":
    asyncio.run(_pump(json.loads(sys.argv[1])))
