import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from vitascope.foundation.cache.backends import (
    CacheBackend,
    CacheUnavailable,
    MemoryBackend,
    open_cache_backend,
)
from vitascope.foundation.cache.cache import Cache, cache_key
from vitascope.foundation.clock import SystemClock
from vitascope.foundation.config import ConfigurationError
from vitascope.foundation.testing.redis import free_port, private_redis


@pytest.fixture(name="redis_url", scope="module")
def _redis_url() -> Iterator[str]:
    with private_redis() as server:
        yield server.url


@pytest.fixture(
    name="backend", params=["memory", pytest.param("redis", marks=pytest.mark.needs("redis-server"))]
)
async def _backend(request: pytest.FixtureRequest) -> AsyncIterator[CacheBackend]:
    url = request.getfixturevalue("redis_url") if request.param == "redis" else "memory://"
    backend = open_cache_backend(url, clock=SystemClock())
    yield backend
    await backend.close()


class TestBackend:
    async def test_keeps_bytes(self, backend: CacheBackend) -> None:
        """What is put is got back byte for byte, and a key of nobody's is None."""
        await backend.put("bytes", b"\x00\xff\r\n", seconds=5)

        assert await backend.get("bytes") == b"\x00\xff\r\n"
        assert await backend.get("nobody") is None

    async def test_forgets_in_time(self, backend: CacheBackend) -> None:
        """A value is gone after its time."""
        await backend.put("time", b"x", seconds=0.05)

        await asyncio.sleep(0.08)

        assert await backend.get("time") is None

    async def test_replace_what_is_there(self, backend: CacheBackend) -> None:
        """A value is replaced only by who saw it."""
        await backend.put("swap", b"a", seconds=5)

        assert not await backend.replace("swap", b"c", seconds=5, expected=b"b")
        assert not await backend.replace("swap", b"c", seconds=5, expected=None)
        assert await backend.replace("swap", b"c", seconds=5, expected=b"a")
        assert await backend.get("swap") == b"c"

    async def test_replace_nothing(self, backend: CacheBackend) -> None:
        """A value is kept where nothing is, once."""
        kept = await asyncio.gather(
            *(backend.replace("new", str(n).encode(), seconds=5, expected=None) for n in range(20))
        )

        assert sum(kept) == 1

    async def test_empty_is_something(self, backend: CacheBackend) -> None:
        """Empty bytes are a value, not the absence of one."""
        await backend.put("empty", b"", seconds=5)

        assert not await backend.replace("empty", b"x", seconds=5, expected=None)
        assert await backend.replace("empty", b"x", seconds=5, expected=b"")


class TestCacheOn:
    async def test_thousand_readers_one_load(self, backend: CacheBackend) -> None:
        """A thousand readers of an expired answer cause one load, and all get it."""
        cache = Cache(backend, int, seconds=0.05, clock=SystemClock())
        key, loads = cache_key("crowd", tenant="t", version=1), 0

        async def load() -> int:
            nonlocal loads
            loads += 1
            await asyncio.sleep(0.01)
            return loads

        await cache.fetch(key, load)
        await asyncio.sleep(0.08)

        answers = await asyncio.gather(*(cache.fetch(key, load) for _ in range(1000)))

        assert loads == 2
        assert set(answers) == {2}

    async def test_stale_load_is_not_kept(self, backend: CacheBackend) -> None:
        """A load that read before a commit and ends after its invalidation leaves nothing behind."""
        reader, writer = (Cache(backend, str, seconds=60, clock=SystemClock()) for _ in range(2))
        key, reading, go_on = cache_key("race", tenant="t", version=1), asyncio.Event(), asyncio.Event()

        async def slow_load() -> str:
            reading.set()
            await go_on.wait()
            return "before"

        async def load() -> str:
            return "after"

        slow = asyncio.create_task(reader.fetch(key, slow_load))
        await reading.wait()
        await writer.invalidate(key)  # another process commits and invalidates
        go_on.set()
        await slow

        assert await reader.fetch(key, load) == "after"
        assert await writer.fetch(key, load) == "after"

    async def test_careless_backend_would_keep_it(self) -> None:
        """The race above is real: a backend that writes without looking keeps the stale answer."""
        backend = _CarelessBackend(clock=SystemClock())

        with pytest.raises(AssertionError):
            await self.test_stale_load_is_not_kept(backend)


class _CarelessBackend(MemoryBackend):
    async def replace(self, key: str, value: bytes, *, seconds: float, expected: bytes | None) -> bool:
        await self.put(key, value, seconds=seconds)
        return True


class TestOpen:
    async def test_nobody_there(self) -> None:
        """A Redis that does not answer is told as unavailable, and a cache on it loads every time."""
        backend = open_cache_backend(f"redis://127.0.0.1:{free_port()}/0", clock=SystemClock())
        cache = Cache(backend, int, seconds=60, clock=SystemClock())

        async def load() -> int:
            return 7

        with pytest.raises(CacheUnavailable):
            await backend.get("x")
        assert await cache.fetch("x", load) == 7
        await cache.invalidate("x")
        await backend.close()

    def test_unknown_scheme(self) -> None:
        """A URL of another kind is refused at the start."""
        with pytest.raises(ConfigurationError):
            open_cache_backend("mysql://x", clock=SystemClock())
