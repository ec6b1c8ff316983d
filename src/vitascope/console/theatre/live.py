"""Fragments of pages that change while somebody looks: server-sent events for htmx.

One poll serves all who watch the same thing, so that a thousand viewers of a title cost the
database what one costs.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from time import monotonic

import structlog
from starlette.responses import StreamingResponse

from vitascope.foundation.errors import VitascopeError

Fragments = Mapping[str, str]
Poll = Callable[[], Awaitable[Fragments]]

INTERVAL_SECONDS = 1.0
QUIET_SECONDS = 15.0
# A stream ends now and then, so that the browser comes again with a fresh session.
LIFETIME_SECONDS = 300.0

_log = structlog.stdlib.get_logger(__name__)


@dataclass(eq=False)
class _Watched:
    poll: Poll
    fragments: Fragments | None = None
    watchers: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    task: asyncio.Task[None] | None = None


class Feed:
    """What is watched in this process; nothing is polled that nobody watches."""

    def __init__(self, *, interval: float = INTERVAL_SECONDS) -> None:
        self._interval = interval
        self._watched: dict[Hashable, _Watched] = {}

    async def watch(
        self, key: Hashable, *, poll: Poll, seen: Fragments | None = None
    ) -> AsyncGenerator[Fragments]:
        """What has changed since the last time, at first what is not `seen`; empty when it is quiet.

        Of several who watch the same key, the first one's `poll` is asked.
        """
        watched = self._join(key, poll)
        seen = seen or {}
        try:
            while True:
                fragments = await self._next(watched, seen)
                yield {name: text for name, text in fragments.items() if seen.get(name) != text}
                seen = fragments
        finally:
            self._leave(key, watched)

    def _join(self, key: Hashable, poll: Poll) -> _Watched:
        watched = self._watched.setdefault(key, _Watched(poll=poll))
        watched.watchers += 1
        if watched.task is None:
            watched.task = asyncio.create_task(self._keep_polling(watched))
        return watched

    def _leave(self, key: Hashable, watched: _Watched) -> None:
        watched.watchers -= 1
        if watched.watchers == 0 and watched.task is not None:
            watched.task.cancel()
            self._watched.pop(key, None)

    async def _keep_polling(self, watched: _Watched) -> None:
        while True:
            await self._poll_once(watched)
            await asyncio.sleep(self._interval)

    async def _poll_once(self, watched: _Watched) -> None:
        try:
            fragments = await watched.poll()
        except VitascopeError as error:
            await _log.awarning("theatre.live.poll_failed", problem=error.kind, detail=error.detail)
            return
        except Exception:  # noqa: BLE001 - whatever it was, those who watch are told the next time
            await _log.aexception("theatre.live.poll_failed")
            return
        if fragments != watched.fragments:
            async with watched.changed:
                watched.fragments = fragments
                watched.changed.notify_all()

    async def _next(self, watched: _Watched, seen: Fragments) -> Fragments:
        """The newest fragments once they differ from those seen, or the same ones when it is quiet."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(QUIET_SECONDS), watched.changed:
                await watched.changed.wait_for(lambda: watched.fragments not in (None, seen))
        return watched.fragments or seen


def stream(fragments: AsyncGenerator[Fragments]) -> StreamingResponse:
    """An answer of server-sent events, one for each fragment, named as it is."""
    return StreamingResponse(
        _written(fragments),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _written(fragments: AsyncGenerator[Fragments]) -> AsyncGenerator[str]:
    ends_at = monotonic() + LIFETIME_SECONDS
    async with contextlib.aclosing(fragments):
        async for changed in fragments:
            yield "".join(_event(name, text) for name, text in changed.items()) or ": quiet\n\n"
            if monotonic() > ends_at:
                return


def _event(name: str, text: str) -> str:
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {name}\n{lines}\n"
