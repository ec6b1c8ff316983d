"""A small contract, and a process that provides it: its orders are in argv."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import uvicorn
from starlette.applications import Starlette

from vitascope.foundation.clock import Clock, SystemClock
from vitascope.foundation.context import Context
from vitascope.foundation.errors import Conflict, Gone
from vitascope.foundation.ids import Id, RandomIds
from vitascope.foundation.rpc.envelope import Seal
from vitascope.foundation.rpc.server import RpcServer
from vitascope.foundation.wiring import Container


class ReelId(Id, prefix="reel"):
    """A reel."""


@dataclass(frozen=True)
class Reel:
    """A reel, and who asked for it."""

    id: ReelId
    minutes: int
    asked_by: Context


@dataclass(frozen=True)
class Shelf:
    """Where reels lie, until when."""

    name: str | None
    until: datetime
    length: timedelta


class ReelTorn(Conflict):
    """The reel is torn."""

    def __init__(self, reel: ReelId, tenant: str) -> None:
        super().__init__(f"{tenant} tore {reel}.", field="reel", extra={"frame": 7})


class Reels(Protocol):
    """The contract."""

    async def reels(self, ctx: Context, *, ids: Sequence[ReelId], minutes: int = 10) -> list[Reel]:
        """The reels."""

    async def tear(self, ctx: Context, *, reel: ReelId) -> None:
        """Raise `ReelTorn`."""

    async def wind(self, ctx: Context, *, seconds: float) -> None:
        """Take so long."""

    async def wound(self, ctx: Context) -> Sequence[float]:
        """How long each winding took that came to its end."""

    async def shelves(self, *, name: str | None = None) -> Mapping[ReelId, Shelf | None]:
        """One reel on a shelf of this name, and one that is on none; asked in no context."""

    async def mislay(self, ctx: Context) -> None:
        """Raise an error of which the caller's process has no class."""

    async def break_down(self, ctx: Context) -> None:
        """Raise what no contract knows."""


class Archive:
    """Implements `Reels`."""

    def __init__(self) -> None:
        self._wound: list[float] = []

    async def reels(self, ctx: Context, *, ids: Sequence[ReelId], minutes: int = 10) -> list[Reel]:
        """The reels."""
        return [Reel(one, minutes, ctx) for one in ids]

    async def tear(self, ctx: Context, *, reel: ReelId) -> None:
        """Raise `ReelTorn`."""
        raise ReelTorn(reel, ctx.tenant)

    async def wind(self, ctx: Context, *, seconds: float) -> None:
        """Take so long."""
        await asyncio.sleep(seconds)
        self._wound.append(seconds)

    async def wound(self, ctx: Context) -> Sequence[float]:
        """How long each winding took that came to its end."""
        return self._wound

    async def shelves(self, *, name: str | None = None) -> Mapping[ReelId, Shelf | None]:
        """Two reels, one on a shelf."""
        shelf = Shelf(name, datetime(1896, 4, 23, 20, 0, 0, 25, UTC), timedelta(minutes=5))
        return {RandomIds().new(ReelId): shelf, RandomIds().new(ReelId): None}

    async def mislay(self, ctx: Context) -> None:
        """Raise what only this process knows."""
        raise type("ReelMislaid", (Gone,), {})("It was here a moment ago.", extra={"shelf": 3})

    async def break_down(self, ctx: Context) -> None:
        """Raise what no contract knows."""
        raise RuntimeError(ctx.tenant)


def main(port: int, key: str) -> None:
    """Serve the contract."""
    container = Container()
    container.put(Clock, SystemClock())
    container.put(Reels, Archive())
    seal = Seal(key=key.encode(), clock=SystemClock())
    app = Starlette(routes=RpcServer(contracts=[Reels], container=container, seal=seal).routes())
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical")


if __name__ == "__main__":
    sys.modules["provider"] = sys.modules["__main__"]
    for kind in (Reels, Reel, Shelf):
        kind.__module__ = "provider"
    main(int(sys.argv[1]), sys.argv[2])
