"""A cache that loads each answer once, a little before it is needed.

Early refresh is XFetch: A. Vattani, F. Chierichetti, K. Lowenstein, "Optimal Probabilistic Cache
Stampede Prevention", PVLDB 8(8), 2015. The dearer an answer was to make, the earlier one reader
makes it anew while the others still get the old one.

An invalidation leaves a mark of its own in the place of the value. A load that began before it
finds the mark instead of what it saw, and does not keep its answer: nobody reads what was true
before the commit, except during the few lines between commit and `invalidate`.
"""

import asyncio
import math
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from vitascope.foundation.cache.backends import CacheBackend, CacheUnavailable
from vitascope.foundation.clock import Clock

JITTER = 0.1
NEGATIVE_SECONDS = 5.0
MARK_SECONDS = 60.0  # longer than any load may take
_BETA = 1.0  # the paper's optimum for exponentially distributed load times

_log = structlog.stdlib.get_logger(__name__)

T = TypeVar("T")


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    """A value, or the mark of an invalidation if `fresh_until` is 0."""

    value: msgspec.Raw
    fresh_until: float
    load_seconds: float
    unique: str = ""


_entries = msgspec.json.Decoder(_Entry)


def cache_key(*parts: str | int, tenant: str, version: int) -> str:
    """A key that no other parts make, for each is preceded by its length.

    Raise `version` when the shape of the cached type changes.
    """
    texts = (tenant, str(version), *(str(part) for part in parts))
    return "".join(f"{len(text)}:{text}" for text in texts)


class Cache(Generic[T]):
    """Answers of one type, which msgspec can write and read. None means that there is no such thing."""

    def __init__(  # noqa: PLR0913 - a seam for each of time, randomness and storage, and two durations
        self,
        backend: CacheBackend,
        kind: type[T],
        *,
        seconds: float,
        clock: Clock,
        negative_seconds: float = NEGATIVE_SECONDS,
        random: Random | None = None,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._backend, self._clock, self._timer = backend, clock, timer
        self._seconds, self._negative_seconds = seconds, negative_seconds
        self._random = random or secrets.SystemRandom()
        self._decoder: msgspec.json.Decoder[T | None] = msgspec.json.Decoder(kind | None)
        self._flights: dict[str, asyncio.Task[T | None]] = {}
        self._refreshes: dict[str, asyncio.Task[T | None]] = {}
        self._is_down = False

    async def fetch(self, key: str, load: Callable[[], Awaitable[T | None]]) -> T | None:
        """The kept answer, or the loaded one. All who ask for one key at once wait for one load."""
        flight = self._flights.get(key)
        if flight is None:
            flight = _begin(self._flights, key, self._answer(key, load))
        return await asyncio.shield(flight)  # who gives up does not take the others along

    async def invalidate(self, key: str) -> None:
        """Forget the answer: call it after the commit that changed it.

        If the cache does not answer, that is logged, and the answer lives on for at most its time.
        """
        self._flights.pop(key, None)  # who asks from now on does not wait for a load of before
        self._refreshes.pop(key, None)
        mark = _Entry(msgspec.Raw(b"null"), 0.0, 0.0, secrets.token_hex(8))
        try:
            await self._backend.put(key, msgspec.json.encode(mark), seconds=MARK_SECONDS)
        except CacheUnavailable as error:
            _log.warning("cache.invalidation_lost", key=key, cause=str(error.__cause__))

    async def _answer(self, key: str, load: Callable[[], Awaitable[T | None]]) -> T | None:
        seen = await self._seen(key)
        entry = _entry(seen)
        if entry is None:
            return await self._load(key, load, seen)
        try:
            value = self._decoder.decode(entry.value)
        except msgspec.DecodeError:  # written by a program that has another shape of the type
            return await self._load(key, load, seen)
        if self._is_due(entry) and key not in self._refreshes:
            _begin(self._refreshes, key, self._load(key, load, seen))
        return value

    async def _load(self, key: str, load: Callable[[], Awaitable[T | None]], seen: bytes | None) -> T | None:
        started = self._timer()
        value = await load()
        await self._keep(key, value, seen, load_seconds=self._timer() - started)
        return value

    async def _keep(self, key: str, value: T | None, seen: bytes | None, *, load_seconds: float) -> None:
        seconds = self._negative_seconds if value is None else self._seconds
        seconds *= 1 + self._random.uniform(-JITTER, JITTER)
        until = self._clock.now().timestamp() + seconds
        entry = _Entry(msgspec.Raw(msgspec.json.encode(value)), until, load_seconds)
        try:
            await self._backend.replace(key, msgspec.json.encode(entry), seconds=seconds, expected=seen)
        except CacheUnavailable as error:
            self._tell_down(error)

    async def _seen(self, key: str) -> bytes | None:
        try:
            seen = await self._backend.get(key)
        except CacheUnavailable as error:
            self._tell_down(error)
            return None
        self._is_down = False
        return seen

    def _tell_down(self, error: CacheUnavailable) -> None:
        """Log an outage once, not once a request."""
        if not self._is_down:
            self._is_down = True
            _log.warning("cache.unavailable", cause=str(error.__cause__))

    def _is_due(self, entry: _Entry) -> bool:
        """XFetch: now - delta * beta * ln(uniform) >= expiry."""
        early = -entry.load_seconds * _BETA * math.log(1.0 - self._random.random())
        return self._clock.now().timestamp() + early >= entry.fresh_until


def _begin(
    running: dict[str, asyncio.Task[T | None]], key: str, work: Coroutine[Any, Any, T | None]
) -> asyncio.Task[T | None]:
    """Run the work once for all who ask, and forget it when it is done."""
    task = asyncio.create_task(work)
    running[key] = task

    def finish(done: asyncio.Task[T | None]) -> None:
        if running.get(key) is done:
            del running[key]
        error = (
            None if done.cancelled() else done.exception()
        )  # asked here, in case that nobody waits any more
        if error is not None:
            _log.debug("cache.load_failed", key=key, error=type(error).__name__)

    task.add_done_callback(finish)
    return task


def _entry(seen: bytes | None) -> _Entry | None:
    """What is kept there, if it is a value."""
    if seen is None:
        return None
    try:
        entry = _entries.decode(seen)
    except msgspec.DecodeError:
        return None  # of another version of this file: as good as nothing
    return entry if entry.fresh_until > 0 else None
