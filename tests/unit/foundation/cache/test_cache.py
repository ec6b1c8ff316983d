import asyncio
from datetime import UTC, datetime
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitascope.foundation.cache.backends import MemoryBackend
from vitascope.foundation.cache.cache import Cache, cache_key
from vitascope.foundation.testing.clock import ManualClock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = cache_key("title", 1, tenant="t", version=1)


class _Title(msgspec.Struct, frozen=True):
    name: str


class _Source:
    """The truth, how often it was asked, and how long it takes."""

    def __init__(self, answer: _Title | None = None) -> None:
        self.answer = answer
        self.asked = 0
        self.error: Exception | None = None
        self.seconds = 0.0
        self._time = 0.0

    async def load(self) -> _Title | None:
        self.asked += 1
        self._time += self.seconds
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return self.answer

    def timer(self) -> float:
        return self._time


class _Room:
    """A cache on memory with a clock that stands."""

    def __init__(self, seed: int = 1) -> None:
        self.clock = ManualClock(NOON)
        self.backend = MemoryBackend(clock=self.clock)
        self.source = _Source(_Title("Vertigo"))
        self.cache = Cache(
            self.backend,
            _Title,
            seconds=100,
            clock=self.clock,
            random=Random(seed),
            timer=self.source.timer,
        )

    async def fetch(self) -> _Title | None:
        return await self.cache.fetch(KEY, self.source.load)


@pytest.fixture(name="room")
def _room() -> _Room:
    return _Room()


class TestFetch:
    async def test_loads_once(self, room: _Room) -> None:
        """An answer is loaded once and then kept, equal to what was loaded."""
        assert await room.fetch() == await room.fetch() == _Title("Vertigo")
        assert room.source.asked == 1

    async def test_negative_answer_is_short(self, room: _Room) -> None:
        """That there is no such thing is kept too, but for seconds only."""
        room.source.answer = None
        await room.fetch()
        await room.fetch()
        room.clock.advance(6)

        await room.fetch()

        assert room.source.asked == 2

    async def test_times_are_spread(self) -> None:
        """Answers kept at one moment end within ten per cent of their time, not all at once."""
        alive = {}
        for seconds in (89, 111):
            rooms = [_Room(seed) for seed in range(50)]
            for room in rooms:
                await room.fetch()
                room.clock.advance(seconds)
            alive[seconds] = sum([await room.backend.get(KEY) is not None for room in rooms])

        assert alive == {89: 50, 111: 0}

    async def test_early_refresh(self) -> None:
        """Near its end a dear answer is made anew in the background, while readers still get the old one."""
        room = _Room()
        room.source.seconds = 5
        await room.fetch()
        room.source.answer = _Title("Psycho")
        seen = []
        for _ in range(89):
            room.clock.advance(1)
            seen.append(await room.fetch())
            await asyncio.sleep(0)
            await asyncio.sleep(0)

        assert seen[0] == _Title("Vertigo")
        assert seen[-1] == _Title("Psycho")
        assert 2 <= room.source.asked <= 4

    async def test_failed_refresh_keeps_the_old(self, room: _Room) -> None:
        """While the source fails, the old answer stands until its time."""
        room.source.seconds = 10_000  # so dear that every read is due
        await room.fetch()
        room.source.error = ConnectionError()

        assert await room.fetch() == _Title("Vertigo")
        await asyncio.sleep(0.001)
        assert await room.fetch() == _Title("Vertigo")

    async def test_error_is_not_kept(self, room: _Room) -> None:
        """An error reaches all who wait, and the next reader tries again."""
        room.source.error = ConnectionError()
        results = await asyncio.gather(*(room.fetch() for _ in range(5)), return_exceptions=True)
        room.source.error = None

        assert await room.fetch() == _Title("Vertigo")
        assert [type(result) for result in results] == [ConnectionError] * 5
        assert room.source.asked == 2

    async def test_cancelled_reader(self, room: _Room) -> None:
        """A reader that goes away does not take the load from the others."""
        first = asyncio.create_task(room.fetch())
        second = asyncio.create_task(room.fetch())
        await asyncio.sleep(0)

        first.cancel()

        assert await second == _Title("Vertigo")
        assert room.source.asked == 1

    async def test_answer_of_another_shape(self, room: _Room) -> None:
        """What another version of the program kept in another shape is loaded again, not an error."""
        await Cache(room.backend, int, seconds=100, clock=room.clock).fetch(KEY, _seven)

        assert await room.fetch() == _Title("Vertigo")

    async def test_garbage(self, room: _Room) -> None:
        """Bytes that nobody of ours wrote are as good as nothing."""
        await room.backend.put(KEY, b"\xff", seconds=100)

        assert await room.fetch() == _Title("Vertigo")


class TestInvalidate:
    async def test_next_reader_sees_the_new(self, room: _Room) -> None:
        """After an invalidation the answer is loaded again, and kept again."""
        await room.fetch()
        room.source.answer = _Title("Psycho")

        await room.cache.invalidate(KEY)

        assert await room.fetch() == await room.fetch() == _Title("Psycho")
        assert room.source.asked == 2

    async def test_does_not_join_a_load_of_before(self, room: _Room) -> None:
        """Who asks after an invalidation does not wait for a load that began before it."""
        slow = asyncio.create_task(room.fetch())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await room.cache.invalidate(KEY)
        room.source.answer = _Title("Psycho")

        assert await room.fetch() == _Title("Psycho")
        await slow
        assert await room.fetch() == _Title("Psycho")


class TestKey:
    @given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4), st.text(), st.text())
    def test_no_two_things_share_a_key(self, one: list[str], other: list[str], a: str, b: str) -> None:
        """Two keys are the same only if all of their parts are."""
        same = cache_key(*one, tenant=a, version=1) == cache_key(*other, tenant=b, version=1)

        assert same == ((one, a) == (other, b))


class TestMemoryBackend:
    async def test_least_recently_used_goes(self) -> None:
        """It never holds more than it may, and what was used last stays."""
        backend = MemoryBackend(clock=ManualClock(NOON), entries=3)
        for name in "abc":
            await backend.put(name, b"x", seconds=9)
        await backend.get("a")

        await backend.put("d", b"x", seconds=9)

        assert [name for name in "abcd" if await backend.get(name)] == ["a", "c", "d"]


async def _seven() -> int:
    return 7
