from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.integration.video.conftest import Studio

from vitascope.foundation.context import Context, TenantId
from vitascope.identity.users.contracts import Permission
from vitascope.runtime.testing import KnownContexts, PlatformUnderTest
from vitascope.video.catalog.contracts import TitleChanges, Visibility
from vitascope.video.catalog.service.titles import TitleService
from vitascope.video.streaming.contracts import Playback, Playbacks
from vitascope.video.streaming.events import PlaybackAuthorised
from vitascope.video.streaming.service.playback import StreamingService

pytestmark = pytest.mark.usefixtures("studio")

TITLES = "/api/v1/titles"


@pytest.fixture
async def visitor(
    platform: PlatformUnderTest, known_contexts: KnownContexts
) -> AsyncIterator[httpx.AsyncClient]:
    """Not signed in."""
    del known_contexts
    async with platform.client() as client:
        yield client


@pytest.fixture
async def foreigner(
    platform: PlatformUnderTest, known_contexts: KnownContexts, stranger: Context
) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in to another tenant."""
    async with platform.client(token=known_contexts.token(stranger)) as client:
        yield client


@pytest.fixture
async def playback(studio: Studio, ctx: Context, platform: PlatformUnderTest) -> Playback:
    """An open playback."""
    title = await studio.film(ctx)
    return await platform.container.get(StreamingService).open(ctx, title=title.id)


class TestPlay:
    async def test_anybody_plays_a_published_title(
        self, studio: Studio, ctx: Context, visitor: httpx.AsyncClient, platform: PlatformUnderTest
    ) -> None:
        """A visitor gets addresses with their token in the path, and the playback is told."""
        title = await studio.film(ctx)

        response = await visitor.post(f"{TITLES}/{title.id}/playback")

        playback = response.json()
        manifest = await visitor.get(playback["hls"])
        poster = await visitor.get(playback["poster"])
        assert (response.status_code, manifest.content, poster.content) == (
            201,
            b"master.m3u8",
            b"pictures/poster.jpg",
        )
        (told,) = await platform.events(PlaybackAuthorised)
        assert told == PlaybackAuthorised(playback=playback["id"], title=title.id, account=None)

    async def test_takes_three_statements(
        self, studio: Studio, ctx: Context, visitor: httpx.AsyncClient, platform: PlatformUnderTest
    ) -> None:
        """The title is read, the session and its event are written; a manifest then takes none."""
        title = await studio.film(ctx)
        with platform.statements() as opening:
            playback = (await visitor.post(f"{TITLES}/{title.id}/playback")).json()

        with platform.statements() as reading:
            await visitor.get(playback["hls"])

        assert (opening.count, reading.count) == (3, 0)

    async def test_private_titles_are_for_their_owner(
        self, studio: Studio, ctx: Context, visitor: httpx.AsyncClient, platform: PlatformUnderTest
    ) -> None:
        """The owner plays a private title; for a visitor it is not there."""
        title = await studio.film(ctx)
        private = TitleChanges(visibility=Visibility.PRIVATE)
        await platform.container.get(TitleService).edit(ctx, title=title.id, changes=private)

        own = await platform.container.get(StreamingService).open(ctx, title=title.id)

        assert own.title == title.id
        assert (await visitor.post(f"{TITLES}/{title.id}/playback")).status_code == 404

    async def test_title_in_the_making_does_not_play(
        self, studio: Studio, known_contexts: KnownContexts, platform: PlatformUnderTest, tenant: TenantId
    ) -> None:
        """The owner of a title in the making is told to wait."""
        editor = platform.new_context(Permission.EDIT_OWN_TITLES, tenant=tenant)
        title = await studio.draft(editor)

        async with platform.client(token=known_contexts.token(editor)) as client:
            response = await client.post(f"{TITLES}/{title.id}/playback")

        assert (response.status_code, response.json()["type"]) == (409, "vitascope:title-not-ready")

    async def test_is_not_there_for_another_tenant(
        self, studio: Studio, ctx: Context, foreigner: httpx.AsyncClient
    ) -> None:
        """Another tenant's operator cannot play a published title."""
        title = await studio.film(ctx)

        assert (await foreigner.post(f"{TITLES}/{title.id}/playback")).status_code == 404

    async def test_refuses_another_kind_of_id(self, visitor: httpx.AsyncClient) -> None:
        """An id that is no title's is refused by name."""
        response = await visitor.post(f"{TITLES}/none/playback")

        assert (response.status_code, response.json()["field"]) == (422, "title")


class TestMediaFiles:
    async def test_sends_a_range(self, playback: Playback, visitor: httpx.AsyncClient) -> None:
        """The main port sends parts as the media server does."""
        response = await visitor.get(playback.hls, headers={"range": "bytes=0-5"})

        assert (response.status_code, response.content) == (206, b"master")
        assert response.headers["content-range"] == "bytes 0-5/11"

    async def test_refuses_a_range_beyond_the_end(
        self, playback: Playback, visitor: httpx.AsyncClient
    ) -> None:
        """A part that does not exist is refused with the size."""
        response = await visitor.get(playback.hls, headers={"range": "bytes=99-"})

        assert (response.status_code, response.headers["content-range"]) == (416, "bytes */11")

    async def test_says_unchanged(self, playback: Playback, visitor: httpx.AsyncClient) -> None:
        """Who has a manifest gets 304 and no bytes."""
        etag = (await visitor.get(playback.hls)).headers["etag"]

        response = await visitor.get(playback.hls, headers={"if-none-match": etag})

        assert (response.status_code, response.content) == (304, b"")

    async def test_answers_head_and_preflight(self, playback: Playback, visitor: httpx.AsyncClient) -> None:
        """HEAD tells the size; OPTIONS lets pages of other origins in."""
        head, preflight = await visitor.head(playback.hls), await visitor.options(playback.hls)

        assert (head.headers["content-length"], head.content) == ("11", b"")
        assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*")

    async def test_opens_only_its_own_folder(self, playback: Playback, visitor: httpx.AsyncClient) -> None:
        """What is missing, climbs or is of another kind is not there; a forged token opens nothing."""
        base = playback.hls.removesuffix("master.m3u8")

        missing = [
            (await visitor.get(base + name)).status_code for name in ("no.m4s", "..%2fa.m4s", "a.json")
        ]
        forged = await visitor.get(base.replace("/media/", "/media/A") + "master.m3u8")

        assert (missing, forged.status_code) == ([404] * 3, 403)


class TestTokens:
    async def test_expires_with_its_playback(self, playback: Playback, platform: PlatformUnderTest) -> None:
        """A playback's addresses work for the configured time, and say whose they are."""
        remaining = playback.expires_at - datetime.now(UTC)
        playbacks = platform.container.get(Playbacks)  # type: ignore[type-abstract]  # a port is asked for by its Protocol

        watching = playbacks.of_token(playback.beacon.rpartition("/")[2])

        assert timedelta(hours=11) < remaining <= timedelta(hours=12)
        assert (watching.playback, watching.title) == (playback.id, playback.title)


class TestForget:
    async def test_keeps_sessions_that_go_on(self, playback: Playback, platform: PlatformUnderTest) -> None:
        """Only sessions that ended a day ago are deleted."""
        del playback

        assert await platform.container.get(StreamingService).forget() == 0
