from collections.abc import Iterator

import pytest

from vitascope.foundation.cache.backends import RedisBackend
from vitascope.foundation.cache.cache import Cache
from vitascope.foundation.clock import SystemClock
from vitascope.foundation.resilience.limits import Limit, LimiterUnavailable, RateLimiter
from vitascope.foundation.testing.redis import PrivateRedis, private_redis

pytestmark = pytest.mark.needs("redis-server")


@pytest.fixture(name="redis")
def _redis() -> Iterator[PrivateRedis]:
    with private_redis() as server:
        yield server


class TestRedisKilled:
    async def test_cache_gives_no_wrong_answer(self, redis: PrivateRedis) -> None:
        """While Redis is up, down and back again empty, every answer after a change is the new one."""
        backend = RedisBackend(redis.url)
        cache = Cache(backend, int, seconds=60, clock=SystemClock())
        truth, wrong = 0, 0

        async def load() -> int:
            return truth

        for action in (None, redis.kill, None, redis.start, None, redis.kill, redis.start, None):
            if action is not None:
                action()
            for _ in range(20):
                truth += 1
                await cache.invalidate("key")
                wrong += (await cache.fetch("key", load)) != truth
                wrong += (await cache.fetch("key", load)) != truth
        await backend.close()

        assert wrong == 0

    async def test_limiter_says_so_and_comes_back(self, redis: PrivateRedis) -> None:
        """A limiter whose Redis is gone refuses honestly, and works again when it is back."""
        limit = Limit(name="login", amount=3, seconds=60)
        limiter = RateLimiter(redis.url, clock=SystemClock())
        await limiter.check(limit, "a")

        redis.kill()
        with pytest.raises(LimiterUnavailable):
            await limiter.check(limit, "a")
        redis.start()

        assert (await limiter.check(limit, "a")).remaining == 2
        await limiter.close()
