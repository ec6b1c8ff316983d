"""Hints that something waits: they only make things faster, polling makes them certain."""

import asyncio
import contextlib

import asyncpg

from vitascope.foundation.db.connections import LOST

OUTBOX_CHANNEL = "vitascope_outbox"
LOG_CHANNEL = "vitascope_log"
_COALESCE_SECONDS = 0.005


class Hint:
    """A flag that one task waits for and any other raises."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def give(self) -> None:
        """Raise the flag."""
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for the flag, at most so long, and lower it; tells whether it was raised."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        raised = self._event.is_set()
        self._event.clear()
        return raised


class Hints:
    """This process's ear and voice for hints to and from other processes of the same database.

    `outbox` is raised when some process has committed events, `log` when the relay has moved some.
    Each waiter has a flag of its own.
    """

    def __init__(self, *, dsn: str) -> None:
        self._dsn = dsn
        self._waiting: dict[str, list[Hint]] = {OUTBOX_CHANNEL: [], LOG_CHANNEL: []}
        self._committed = Hint()

    def on_outbox(self) -> Hint:
        """A flag for one who moves events on."""
        return self._register(OUTBOX_CHANNEL)

    def on_log(self) -> Hint:
        """A flag for one who hears events."""
        return self._register(LOG_CHANNEL)

    def committed(self) -> None:
        """Events were committed here: tell this process's relay now and the others soon."""
        self._raise(OUTBOX_CHANNEL)
        self._committed.give()

    async def run(self) -> None:
        """Listen and tell until cancelled; a lost connection is made anew."""
        while True:
            with contextlib.suppress(*LOST):
                await self._serve()
            await asyncio.sleep(1)

    async def _serve(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=5)
        try:
            for channel in self._waiting:
                await connection.add_listener(channel, lambda _c, _p, heard, _x: self._raise(heard))
            while not connection.is_closed():
                if await self._committed.wait(1):
                    await connection.execute(f"NOTIFY {OUTBOX_CHANNEL}")
                    await asyncio.sleep(_COALESCE_SECONDS)
        finally:
            await connection.close(timeout=5)

    def _register(self, channel: str) -> Hint:
        hint = Hint()
        self._waiting[channel].append(hint)
        return hint

    def _raise(self, channel: str) -> None:
        for hint in self._waiting[channel]:
            hint.give()
