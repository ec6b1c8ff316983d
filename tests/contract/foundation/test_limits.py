from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.config import ConfigurationError
from vitascope.foundation.errors import TooManyRequests
from vitascope.foundation.resilience.limits import Limit, LimiterUnavailable, MemoryWindows, RateLimiter
from vitascope.foundation.testing.clock import ManualClock
from vitascope.foundation.testing.redis import free_port, private_redis

LOGIN = Limit(name="login", amount=3, seconds=60)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(name="redis_url", scope="module")
def _redis_url() -> Iterator[str]:
    with private_redis() as server:
        yield server.url


@pytest.fixture(
    name="limiter", params=["memory", pytest.param("redis", marks=pytest.mark.needs("redis-server"))]
)
async def _limiter(request: pytest.FixtureRequest) -> AsyncIterator[RateLimiter]:
    url = request.getfixturevalue("redis_url") if request.param == "redis" else "memory://"
    limiter = RateLimiter(url, clock=SystemClock())
    yield limiter
    await limiter.close()


class TestCheck:
    async def test_counts_down_then_refuses(self, limiter: RateLimiter) -> None:
        """So many are allowed, the next is refused with the seconds until one more is."""
        left = [(await limiter.check(LOGIN, "counts", "10.0.0.1")).remaining for _ in range(3)]

        with pytest.raises(TooManyRequests) as caught:
            await limiter.check(LOGIN, "counts", "10.0.0.1")

        assert left == [2, 1, 0]
        assert 58 <= caught.value.extra["retry_after"] <= 60

    async def test_identities_do_not_mix(self, limiter: RateLimiter) -> None:
        """Identities whose parts join to the same text are counted apart."""
        for _ in range(3):
            await limiter.check(LOGIN, "ab", "c")

        assert (await limiter.check(LOGIN, "a", "bc")).remaining == 2

    async def test_cost(self, limiter: RateLimiter) -> None:
        """A request that costs more than is left is refused and takes nothing."""
        await limiter.check(LOGIN, "cost", cost=2)

        with pytest.raises(TooManyRequests):
            await limiter.check(LOGIN, "cost", cost=2)

        assert (await limiter.check(LOGIN, "cost")).remaining == 0

    async def test_forget(self, limiter: RateLimiter) -> None:
        """What is forgotten is given back."""
        await limiter.check(LOGIN, "forget", cost=3)

        await limiter.forget(LOGIN, "forget")

        assert (await limiter.check(LOGIN, "forget")).remaining == 2

    async def test_headers(self, limiter: RateLimiter) -> None:
        """An allowed request says what is left in the headers of the draft standard."""
        headers = (await limiter.check(LOGIN, "headers")).headers()

        assert headers["RateLimit-Policy"] == '"login";q=3;w=60'
        assert headers["RateLimit"] == '"login";r=2;t=60'


class TestMemory:
    async def test_window_moves(self) -> None:
        """A request is given back exactly when its own window has passed, not before."""
        clock = ManualClock(NOON)
        limiter = RateLimiter(clock=clock)
        for _ in range(3):
            await limiter.check(LOGIN, "x")
            clock.advance(10)
        clock.advance(29.9)

        with pytest.raises(TooManyRequests) as caught:
            await limiter.check(LOGIN, "x")
        clock.advance(0.2)

        assert caught.value.extra["retry_after"] == 1
        assert (await limiter.check(LOGIN, "x")).remaining == 0

    async def test_memory_is_given_back(self) -> None:
        """Addresses that asked once are forgotten when their window has passed."""
        clock = ManualClock(NOON)
        windows = MemoryWindows(clock=clock)
        for number in range(1000):
            await windows.take(str(number), LOGIN, 1)
        clock.advance(61)

        await windows.take("last", LOGIN, 1)

        assert len(windows._taken) == len(windows._ends) == 1


class TestOpen:
    async def test_nobody_there(self) -> None:
        """A Redis that does not answer is told as unavailable."""
        limiter = RateLimiter(f"redis://127.0.0.1:{free_port()}/0", clock=SystemClock())

        with pytest.raises(LimiterUnavailable):
            await limiter.check(LOGIN, "x")

    def test_unknown_scheme(self) -> None:
        """A URL of another kind is refused at the start."""
        with pytest.raises(ConfigurationError):
            RateLimiter("mysql://x", clock=SystemClock())
