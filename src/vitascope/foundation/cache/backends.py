"""Where cached bytes are kept: a port, and its backends in this process and in Redis."""

from collections import OrderedDict
from typing import Protocol, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from vitascope.foundation.clock import Clock
from vitascope.foundation.config import ConfigurationError
from vitascope.foundation.errors import Unavailable

DEFAULT_ENTRIES = 10_000
_TIMEOUT_SECONDS = 1.0

_REPLACE = """
local present = redis.call('GET', KEYS[1])
local expected = ARGV[1] == '1' and ARGV[2] or false
if present ~= expected then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
"""


class CacheUnavailable(Unavailable):
    """The cache does not answer; what it kept is made anew."""


class CacheBackend(Protocol):
    """Bytes by key, each for a time. Anything may be forgotten earlier."""

    async def get(self, key: str) -> bytes | None:
        """The bytes, or None if there are none."""

    async def put(self, key: str, value: bytes, *, seconds: float) -> None:
        """Keep the bytes whatever was there."""

    async def replace(self, key: str, value: bytes, *, seconds: float, expected: bytes | None) -> bool:
        """Keep the bytes only if `expected` is there (None: nothing is); tell whether they are kept."""

    async def close(self) -> None:
        """Give back connections."""


class MemoryBackend:
    """At most `entries` values in this process; the least recently used goes first."""

    def __init__(self, *, clock: Clock, entries: int = DEFAULT_ENTRIES) -> None:
        self._clock, self._entries = clock, entries
        self._values: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    async def get(self, key: str) -> bytes | None:
        """The bytes, or None if there are none."""
        return self._present(key)

    async def put(self, key: str, value: bytes, *, seconds: float) -> None:
        """Keep the bytes whatever was there."""
        self._values[key] = (value, self._now() + seconds)
        self._values.move_to_end(key)
        if len(self._values) > self._entries:
            self._values.popitem(last=False)

    async def replace(self, key: str, value: bytes, *, seconds: float, expected: bytes | None) -> bool:
        """Keep the bytes only if `expected` is there (None: nothing is); tell whether they are kept."""
        if self._present(key) != expected:
            return False
        await self.put(key, value, seconds=seconds)
        return True

    async def close(self) -> None:
        """Nothing is held open."""

    def _present(self, key: str) -> bytes | None:
        found = self._values.get(key)
        if found is None:
            return None
        if found[1] <= self._now():
            del self._values[key]
            return None
        self._values.move_to_end(key)
        return found[0]

    def _now(self) -> float:
        return self._clock.now().timestamp()


class RedisBackend:
    """In Redis, where all processes share it. Errors and slowness are CacheUnavailable."""

    def __init__(self, url: str, *, prefix: str = "vitascope:cache:") -> None:
        self._prefix = prefix
        self._redis = Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 1),  # once, for a connection that died while it lay idle
        )
        self._replace = self._redis.register_script(_REPLACE)

    async def get(self, key: str) -> bytes | None:
        """The bytes, or None if there are none."""
        try:
            return cast("bytes | None", await self._redis.get(self._prefix + key))
        except (RedisError, OSError) as error:
            raise CacheUnavailable from error

    async def put(self, key: str, value: bytes, *, seconds: float) -> None:
        """Keep the bytes whatever was there."""
        try:
            await self._redis.set(self._prefix + key, value, px=_milliseconds(seconds))
        except (RedisError, OSError) as error:
            raise CacheUnavailable from error

    async def replace(self, key: str, value: bytes, *, seconds: float, expected: bytes | None) -> bool:
        """Keep the bytes only if `expected` is there (None: nothing is); tell whether they are kept."""
        arguments: list[bytes | int] = [
            int(expected is not None),
            expected or b"",
            value,
            _milliseconds(seconds),
        ]
        try:
            return bool(await self._replace(keys=[self._prefix + key], args=arguments))
        except (RedisError, OSError) as error:
            raise CacheUnavailable from error

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def open_cache_backend(url: str, *, clock: Clock) -> CacheBackend:
    """The backend of this URL: `memory://` or `redis://HOST:PORT/DB`."""
    if url == "memory://":
        return MemoryBackend(clock=clock)
    if url.startswith(("redis://", "rediss://")):
        return RedisBackend(url)
    raise ConfigurationError("A cache is kept in memory:// or in redis://HOST:PORT/DB.", field="url")


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
