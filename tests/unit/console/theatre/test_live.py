import asyncio

from vitascope.console.theatre.live import Feed, Fragments, stream
from vitascope.foundation.errors import Unavailable


class Source:
    """Something that changes, and counts how often it is asked."""

    def __init__(self) -> None:
        self.fragments: dict[str, str] = {"a": "1"}
        self.asked = 0
        self.down = False

    async def poll(self) -> Fragments:
        """What it is now."""
        self.asked += 1
        if self.down:
            raise Unavailable
        return dict(self.fragments)


class TestFeed:
    async def test_one_poll_for_all(self) -> None:
        """A hundred who watch the same thing cost what one costs."""
        feed, source = Feed(interval=60), Source()
        watchers = [feed.watch("key", poll=source.poll) for _ in range(100)]

        first = await asyncio.gather(*(anext(one) for one in watchers))
        for one in watchers:
            await one.aclose()

        assert first == [{"a": "1"}] * 100
        assert source.asked == 1

    async def test_only_what_changed(self) -> None:
        """After the first time only what differs is sent."""
        feed, source = Feed(interval=0.001), Source()
        watcher = feed.watch("key", poll=source.poll)

        await anext(watcher)
        source.fragments["b"] = "2"
        changed = await anext(watcher)
        await watcher.aclose()

        assert changed == {"b": "2"}

    async def test_survives_an_outage(self) -> None:
        """A service that does not answer for a while ends no stream."""
        feed, source = Feed(interval=0.001), Source()
        source.down = True
        watcher = feed.watch("key", poll=source.poll)
        waiting = asyncio.ensure_future(anext(watcher))

        await asyncio.sleep(0.01)
        source.down = False
        first = await waiting
        await watcher.aclose()

        assert first == {"a": "1"}

    async def test_nothing_is_polled_for_nobody(self) -> None:
        """When the last one has left, the polling ends."""
        feed, source = Feed(interval=0.001), Source()
        watcher = feed.watch("key", poll=source.poll)
        await anext(watcher)

        await watcher.aclose()
        await asyncio.sleep(0.005)
        asked = source.asked
        await asyncio.sleep(0.01)

        assert source.asked == asked


class TestStream:
    async def test_event_stream(self) -> None:
        """Each fragment is an event of its name, each of its lines a data line."""
        feed, source = Feed(), Source()
        source.fragments = {"a": "one\ntwo"}
        response = stream(feed.watch("key", poll=source.poll))

        first = await anext(aiter(response.body_iterator))

        assert response.media_type == "text/event-stream"
        assert first == "event: a\ndata: one\ndata: two\n\n"
