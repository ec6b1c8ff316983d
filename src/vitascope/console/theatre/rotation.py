"""Trading a browser's refresh token, once for all the tabs that ask at the same moment."""

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context
from vitascope.identity.auth.contracts import Sessions, Tokens

GRACE = timedelta(seconds=10)


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    tokens: Tokens | None = None
    at: datetime | None = None


class Rotation:
    """Refreshes sessions so that a browser with several tabs does not look like a thief.

    A refresh token works once and its reuse ends the session. A browser that wakes up with ten tabs
    sends the same token ten times: whoever comes within `GRACE` of the first gets what it got.
    """

    def __init__(self, *, sessions: Sessions, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock
        self._turns: dict[str, _Turn] = {}

    async def refresh(self, ctx: Context, *, refresh_token: str) -> Tokens:
        """New tokens for this one; raises `SessionEnded`."""
        self._drop_old()
        turn = self._turns.setdefault(_key(ctx, refresh_token), _Turn())
        async with turn.lock:
            if turn.tokens is None:
                turn.at = self._clock.now()
                turn.tokens = await self._sessions.refresh(ctx, refresh_token=refresh_token)
        return turn.tokens

    def _drop_old(self) -> None:
        oldest = self._clock.now() - GRACE
        self._turns = {
            key: turn
            for key, turn in self._turns.items()
            if turn.lock.locked() or (turn.at is not None and turn.at > oldest)
        }


def _key(ctx: Context, refresh_token: str) -> str:
    return hashlib.sha256(f"{ctx.tenant}:{refresh_token}".encode()).hexdigest()
