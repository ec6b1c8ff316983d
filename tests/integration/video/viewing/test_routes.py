import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.integration.video.conftest import Studio

from vitascope.foundation.context import Context
from vitascope.foundation.events.subscriptions import rewind
from vitascope.runtime.testing import KnownContexts, PlatformUnderTest
from vitascope.video.catalog.contracts import Title
from vitascope.video.streaming.contracts import Playback
from vitascope.video.streaming.service.playback import StreamingService
from vitascope.video.viewing.contracts import ViewCount, Views
from vitascope.video.viewing.events import PlaybackEnded, PlaybackProgressed, PlaybackStarted
from vitascope.video.viewing.service.live import LiveViews

START = {"kind": "start", "sequence": 1, "position": 0, "startup": 0.4, "height": 720}


def progress(sequence: int) -> dict[str, Any]:
    """A report that the player goes on."""
    return {"kind": "progress", "sequence": sequence, "position": 10.0, "watched": 10.0}


@pytest.fixture
async def title(studio: Studio, ctx: Context) -> Title:
    """A published title."""
    return await studio.film(ctx)


@pytest.fixture
async def client(
    platform: PlatformUnderTest, known_contexts: KnownContexts
) -> AsyncIterator[httpx.AsyncClient]:
    """A visitor's browser."""
    del known_contexts
    async with platform.client() as client:
        yield client


@pytest.fixture
async def playback(platform: PlatformUnderTest, ctx: Context, title: Title) -> Playback:
    """An open playback."""
    return await _open(platform, ctx, title)


async def _open(platform: PlatformUnderTest, ctx: Context, title: Title) -> Playback:
    return await platform.container.get(StreamingService).open(ctx, title=title.id)


async def _report(client: httpx.AsyncClient, playback: Playback, *events: dict[str, Any]) -> None:
    response = await client.post(playback.beacon, json={"events": list(events)})
    assert response.status_code == 204, response.text


async def _next_count(one: AsyncGenerator[ViewCount | None, None]) -> ViewCount:
    """The next change."""
    while (found := await anext(one)) is None:
        pass
    return found


async def _count(platform: PlatformUnderTest, ctx: Context, title: Title) -> ViewCount:
    await platform.pump()
    views = platform.container.get(Views)  # type: ignore[type-abstract]  # a port is asked for by its Protocol
    return (await views.counts(ctx, titles=[title.id]))[title.id]


class TestBeacons:
    async def test_reports_become_events(
        self, client: httpx.AsyncClient, playback: Playback, platform: PlatformUnderTest
    ) -> None:
        """What a player reports is told as events of its playback, at the platform's time."""
        await _report(client, playback, START, {**progress(2), "ago": 5})

        started, progressed = await platform.events(PlaybackStarted, PlaybackProgressed)
        assert isinstance(started, PlaybackStarted)
        assert isinstance(progressed, PlaybackProgressed)
        assert (started.playback, started.title, started.height) == (playback.id, playback.title, 720)
        assert (progressed.watched, started.at - progressed.at) == (10.0, timedelta(seconds=5))
        assert abs(datetime.now(UTC) - started.at) < timedelta(minutes=1)

    async def test_report_that_arrives_twice_counts_once(
        self, client: httpx.AsyncClient, playback: Playback, platform: PlatformUnderTest
    ) -> None:
        """A beacon that is sent again, also at once and with more in it, adds only what is new."""
        await asyncio.gather(*(_report(client, playback, START, progress(2)) for _ in range(4)))
        await _report(client, playback, progress(2), progress(4))
        await _report(client, playback, progress(3))

        told = await platform.events(PlaybackStarted, PlaybackProgressed)

        assert [one.number for one in told] == [1, 2, 4, 3]  # type: ignore[attr-defined]  # both have one

    @pytest.mark.parametrize("events", [1, 50])
    async def test_takes_three_statements(
        self, client: httpx.AsyncClient, playback: Playback, platform: PlatformUnderTest, events: int
    ) -> None:
        """A beacon takes three statements, however many reports are in it, and one if none is new."""
        reports = [progress(number + 1) for number in range(events)]
        with platform.statements() as fresh:
            await _report(client, playback, *reports)

        with platform.statements() as known:
            await _report(client, playback, *reports)

        assert (fresh.count, known.count) == (3, 1)

    @pytest.mark.parametrize(
        ("events", "field"),
        [
            ([], "events"),
            ([{**START, "sequence": 0}], "events[0].sequence"),
            ([{**START, "startup": -1}], "events[0].startup"),
            ([{**START, "agent": "x"}], "events[0]"),
            ([{**START, "kind": "explode"}], "events[0].kind"),
            ([{"kind": "start", "sequence": 1}], "events[0]"),
            ([progress(n + 1) for n in range(101)], "events"),
        ],
    )
    async def test_refuses_what_it_does_not_know(
        self, client: httpx.AsyncClient, playback: Playback, events: list[dict[str, Any]], field: str
    ) -> None:
        """A field that is unknown, missing or out of bounds is named, and nothing is taken."""
        response = await client.post(playback.beacon, json={"events": events})

        assert response.status_code == 422
        assert response.json()["field"].replace(".0", "[0]") == field

    async def test_refuses_a_body_that_is_too_large(
        self, client: httpx.AsyncClient, playback: Playback
    ) -> None:
        """A beacon has at most 32 KiB."""
        assert (await client.post(playback.beacon, content=b" " * 40_000)).status_code == 413

    async def test_refuses_what_is_not_json(self, client: httpx.AsyncClient, playback: Playback) -> None:
        """Anything but JSON is refused as such."""
        assert (await client.post(playback.beacon, content=b"{")).status_code == 422

    async def test_refuses_a_forged_token(self, client: httpx.AsyncClient, playback: Playback) -> None:
        """Nobody reports for a playback that was not opened here."""
        forged = playback.beacon.replace("/beacons/", "/beacons/A")

        assert (await client.post(forged, json={"events": [START]})).status_code == 403


class TestCounts:
    async def test_counts_a_playback_once(
        self, client: httpx.AsyncClient, ctx: Context, title: Title, platform: PlatformUnderTest
    ) -> None:
        """Each playback that starts is one view, and is watched until it ends."""
        first, second = [await _open(platform, ctx, title) for _ in range(2)]
        await _report(client, first, START, progress(2), {**START, "sequence": 3})
        await _report(client, second, START)
        both = await _count(platform, ctx, title)

        await _report(client, second, {"kind": "end", "sequence": 2, "position": 3.0, "watched": 3.0})

        assert both == ViewCount(views=2, watching=2)
        assert await _count(platform, ctx, title) == ViewCount(views=2, watching=1)

    async def test_silent_player_is_not_watching(
        self,
        client: httpx.AsyncClient,
        ctx: Context,
        title: Title,
        playback: Playback,
        platform: PlatformUnderTest,
    ) -> None:
        """Who has not reported for 30 seconds no longer counts as watching, but as a view."""
        await _report(client, playback, {**START, "ago": 31})

        assert await _count(platform, ctx, title) == ViewCount(views=1, watching=0)

    async def test_rebuilt_counts_are_the_live_ones(
        self, client: httpx.AsyncClient, ctx: Context, title: Title, platform: PlatformUnderTest
    ) -> None:
        """Hearing the whole log again changes nothing: the projection is made of it alone."""
        for reports in ([START], [START, progress(2)], [progress(1), START | {"sequence": 2}], [progress(9)]):
            await _report(client, await _open(platform, ctx, title), *reports)
        live = await _count(platform, ctx, title)

        await rewind(platform.db, name="video.viewing")

        assert await _count(platform, ctx, title) == live == ViewCount(views=3, watching=4)

    async def test_anybody_who_sees_the_title_sees_its_count(
        self, client: httpx.AsyncClient, title: Title, playback: Playback, platform: PlatformUnderTest
    ) -> None:
        """The count takes two statements."""
        await _report(client, playback, START)
        await platform.pump()

        with platform.statements() as statements:
            response = await client.get(f"/api/v1/titles/{title.id}/views")

        assert response.json() == {"views": 1, "watching": 1}
        assert statements.count == 2

    async def test_hidden_titles_have_no_count(
        self, client: httpx.AsyncClient, studio: Studio, ctx: Context
    ) -> None:
        """Who may not see a title does not learn how often it was watched, now or live."""
        draft = await studio.film(ctx, publish=False)

        answers = [await client.get(f"/api/v1/titles/{draft.id}/views{live}") for live in ("", "/live")]

        assert [answer.status_code for answer in answers] == [404, 404]

    async def test_refuses_another_kind_of_id(self, client: httpx.AsyncClient, studio: Studio) -> None:
        """An id that is no title's is refused by name."""
        del studio

        answers = [await client.get(f"/api/v1/titles/none/views{live}") for live in ("", "/live")]

        assert [answer.json()["field"] for answer in answers] == ["title", "title"]

    async def test_other_tenants_see_nothing(
        self,
        client: httpx.AsyncClient,
        title: Title,
        playback: Playback,
        stranger: Context,
        platform: PlatformUnderTest,
    ) -> None:
        """A tenant's counts are its own."""
        await _report(client, playback, START)

        assert await _count(platform, stranger, title) == ViewCount(views=0, watching=0)


class TestLiveViews:
    async def test_tells_each_change_to_all_with_one_question(
        self, client: httpx.AsyncClient, title: Title, playback: Playback, platform: PlatformUnderTest
    ) -> None:
        """However many look, the database is asked once a tick, and all see the change."""
        live = platform.container.get(LiveViews)
        looking = [live.watch(title.id) for _ in range(5)]
        before = await asyncio.gather(*(anext(one) for one in looking))
        await _report(client, playback, START)
        await platform.pump()

        with platform.statements() as statements:
            after = await asyncio.gather(*(_next_count(one) for one in looking))

        for one in looking:
            await one.aclose()
        assert before == [ViewCount(views=0, watching=0)] * 5
        assert after == [ViewCount(views=1, watching=1)] * 5
        assert statements.count <= 2  # the change may miss one tick

    async def test_stops_asking_when_nobody_looks(self, title: Title, platform: PlatformUnderTest) -> None:
        """After the last one has left, the database is left in peace."""
        live = platform.container.get(LiveViews)
        one = live.watch(title.id)
        await anext(one)

        await one.aclose()

        assert live._asking is not None
        async with asyncio.timeout(60):
            await live._asking
        assert not live._looked_at


class TestEnd:
    async def test_end_is_told(
        self, client: httpx.AsyncClient, playback: Playback, platform: PlatformUnderTest
    ) -> None:
        """Where the viewer left is told."""
        await _report(client, playback, {"kind": "end", "sequence": 1, "position": 12.5, "watched": 2.5})

        (ended,) = await platform.events(PlaybackEnded)
        assert isinstance(ended, PlaybackEnded)
        assert (ended.position, ended.watched) == (12.5, 2.5)
