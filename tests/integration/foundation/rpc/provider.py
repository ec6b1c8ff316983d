"""A small contract, and a process that provides it: its orders are in argv."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import uvicorn
from starlette.applications import Starlette

from vitascope.foundation.clock import Clock, SystemClock
from vitascope.foundation.context import Context
from vitascope.foundation.errors import Conflict
from vitascope.foundation.ids import Id
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


class ReelTorn(Conflict):
    """The reel is torn."""


class Reels(Protocol):
    """The contract."""

    async def reels(self, ctx: Context, *, ids: Sequence[ReelId], minutes: int = 10) -> list[Reel]:
        """The reels."""

    async def tear(self, ctx: Context, *, reel: ReelId) -> None:
        """Raise `ReelTorn`."""

    async def wind(self, ctx: Context, *, seconds: float) -> None:
        """Take so long."""

    async def break_down(self, ctx: Context) -> None:
        """Raise what no contract knows."""


class Archive:
    """Implements `Reels`."""

    async def reels(self, ctx: Context, *, ids: Sequence[ReelId], minutes: int = 10) -> list[Reel]:
        """The reels."""
        return [Reel(one, minutes, ctx) for one in ids]

    async def tear(self, ctx: Context, *, reel: ReelId) -> None:
        """Raise `ReelTorn`."""
        raise ReelTorn(f"{ctx.tenant} tore {reel}.", field="reel", extra={"frame": 7})

    async def wind(self, ctx: Context, *, seconds: float) -> None:
        """Take so long."""
        await asyncio.sleep(seconds)

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
    for kind in (Reels, Reel):
        kind.__module__ = "provider"
    main(int(sys.argv[1]), sys.argv[2])
