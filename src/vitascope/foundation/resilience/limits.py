"""Rate limits over a moving window: exact counts, exact time until the next is allowed.

The headers follow draft-ietf-httpapi-ratelimit-headers-10 (`RateLimit-Policy`, `RateLimit`).
"""

import hashlib
import heapq
import math
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from vitascope.foundation.clock import Clock
from vitascope.foundation.config import ConfigurationError
from vitascope.foundation.errors import TooManyRequests, Unavailable

_REDIS_TIMEOUT_SECONDS = 1.0


class LimiterUnavailable(Unavailable):
    """The counters of the rate limits do not answer; try again soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """So many requests in so many seconds; the name tells limits of one identity apart."""

    name: str
    amount: int
    seconds: int

    def __post_init__(self) -> None:
        if not self.name.replace("-", "").isalnum() or self.amount < 1 or self.seconds < 1:
            raise ValueError(f"not a rate limit: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left of a limit: requests, and seconds until one more is given back."""

    limit: Limit
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """The rate-limit headers of the answer."""
        name = self.limit.name
        return {
            "RateLimit-Policy": f'"{name}";q={self.limit.amount};w={self.limit.seconds}',
            "RateLimit": f'"{name}";r={self.remaining};t={self.reset_seconds}',
        }


class Windows(Protocol):
    """Where requests are counted. Tells whether they fit, how many are left, and seconds to the next."""

    async def take(self, key: str, limit: Limit, cost: int) -> tuple[bool, int, float]:
        """Count `cost` requests, or none if they do not fit."""

    async def clear(self, key: str, limit: Limit) -> None:
        """Forget the requests of this key."""

    async def close(self) -> None:
        """Give back connections."""


class RateLimiter:
    """Counts requests in memory (`memory://`) or in Redis (`redis://…`), where all processes share them."""

    def __init__(self, url: str = "memory://", *, clock: Clock) -> None:
        self._windows = _opened(url, clock)

    async def check(self, limit: Limit, *identity: str, cost: int = 1) -> Allowance:
        """Count a request; raises TooManyRequests with `retry_after` if it is one too many.

        The identity is what the limit is for: an address, an account, a tenant. It is stored hashed.
        """
        allowed, remaining, seconds = await self._windows.take(_key(identity), limit, cost)
        reset = min(limit.seconds, max(0, math.ceil(seconds)))
        if not allowed:
            raise TooManyRequests(extra={"retry_after": max(1, reset), "limit": limit.name})
        return Allowance(limit=limit, remaining=remaining, reset_seconds=reset)

    async def forget(self, limit: Limit, *identity: str) -> None:
        """Give everything back: after a login that succeeded, its failures no longer count."""
        await self._windows.clear(_key(identity), limit)

    async def close(self) -> None:
        """Give back connections."""
        await self._windows.close()


class MemoryWindows:
    """The instants of the requests of one process; a key costs memory only while its window lasts."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._taken: dict[tuple[str, str], deque[float]] = {}
        self._ends: list[tuple[float, tuple[str, str]]] = []  # a heap: when to look whether a key is empty

    async def take(self, key: str, limit: Limit, cost: int) -> tuple[bool, int, float]:
        """Count `cost` requests, or none if they do not fit."""
        now, place = self._clock.now().timestamp(), (limit.name, key)
        self._drop_ended(now)
        taken = self._taken.get(place) or deque()
        while taken and taken[0] <= now - limit.seconds:
            taken.popleft()
        allowed = len(taken) + cost <= limit.amount
        if allowed:
            taken.extend([now] * cost)
            self._keep(place, taken, now + limit.seconds)
        first = taken[0] if taken else now
        return allowed, limit.amount - len(taken), first + limit.seconds - now

    async def clear(self, key: str, limit: Limit) -> None:
        """Forget the requests of this key."""
        self._taken.pop((limit.name, key), None)

    async def close(self) -> None:
        """Nothing is held open."""

    def _keep(self, place: tuple[str, str], taken: deque[float], end: float) -> None:
        if place not in self._taken:
            heapq.heappush(self._ends, (end, place))
        self._taken[place] = taken

    def _drop_ended(self, now: float) -> None:
        """Forget keys whose last request has left the window; look again later at the others."""
        while self._ends and self._ends[0][0] <= now:
            end, place = heapq.heappop(self._ends)
            taken = self._taken.get(place)
            if taken is None:
                continue
            lasts = end + (taken[-1] - taken[0]) if taken else end
            if lasts <= now:
                del self._taken[place]
            else:
                heapq.heappush(self._ends, (lasts, place))


class RedisWindows:
    """The requests of all processes, in Redis, counted by the scripts of the `limits` library."""

    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool.from_url(
            url,
            socket_timeout=_REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 1),  # once, for a connection that died while it lay idle
        )
        options: dict[str, Any] = {"connection_pool": self._pool}  # declared as text and numbers only
        storage = RedisStorage(
            f"async+{url}",
            implementation="redispy",
            wrap_exceptions=True,
            key_prefix="vitascope:limit",
            **options,
        )
        self._limiter = MovingWindowRateLimiter(storage)

    async def take(self, key: str, limit: Limit, cost: int) -> tuple[bool, int, float]:
        """Count `cost` requests, or none if they do not fit."""
        try:
            allowed = await self._limiter.hit(_item(limit), key, cost=cost)
            stats = await self._limiter.get_window_stats(_item(limit), key)
        except (StorageError, OSError) as error:
            raise LimiterUnavailable from error
        return allowed, max(0, stats.remaining), stats.reset_time - time.time()

    async def clear(self, key: str, limit: Limit) -> None:
        """Forget the requests of this key."""
        try:
            await self._limiter.clear(_item(limit), key)
        except (StorageError, OSError) as error:
            raise LimiterUnavailable from error

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.disconnect()


def _item(limit: Limit) -> RateLimitItem:
    return RateLimitItemPerSecond(limit.amount, limit.seconds, limit.name)


def _opened(url: str, clock: Clock) -> Windows:
    if url == "memory://":
        return MemoryWindows(clock=clock)
    if url.startswith(("redis://", "rediss://")):
        return RedisWindows(url)
    raise ConfigurationError("Rate limits are kept in memory:// or in redis://HOST:PORT/DB.", field="url")


def _key(identity: tuple[str, ...]) -> str:
    """No two identities share a key, and no address stands in the store."""
    digest = hashlib.blake2b(digest_size=16)
    for part in identity:
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.hexdigest()
