import asyncio
from urllib.parse import urlencode

import pytest
from playwright.async_api import Page, Request, Route, expect
from sqlalchemy import delete
from tests.system.protection.cinema import Cinema

from vitascope.transcoding.pipeline.protection import Scheme
from vitascope.video.streaming.models import sessions

pytestmark = pytest.mark.needs("chromium")

PATIENCE_SECONDS = 40
VIDEO = "document.querySelector('video')"
SHOWN = f"{VIDEO}.currentTime > 0.5 && {VIDEO}.getVideoPlaybackQuality().totalVideoFrames > 5"
KEYED = f"{VIDEO}.mediaKeys !== null"
SCHEMES = [None, *Scheme]


async def until(page: Page, expression: str) -> None:
    """Wait until this is true in the page; asked from here, because the page's policy allows no eval."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await page.evaluate(expression):  # noqa: ASYNC110 - a browser's state is asked for
            await asyncio.sleep(0.05)


def licences_of(page: Page) -> list[Request]:
    """The requests for licences that the page makes from now on."""
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if "/licences/" in request.url else None)
    return asked


class TestPlayers:
    @pytest.mark.parametrize("scheme", SCHEMES)
    @pytest.mark.parametrize("engine", ["auto", "dash"])
    async def test_the_theatre_plays(
        self, cinema: Cinema, page: Page, engine: str, scheme: Scheme | None
    ) -> None:
        """hls.js and Shaka Player show the film, and where it is protected with our licence server's keys."""
        title, asked = await cinema.show(scheme), licences_of(page)

        await page.goto(f"{cinema.address}/titles/{title.id}?engine={engine}")
        await page.click(".player__big")
        await until(page, SHOWN)

        assert await page.evaluate(KEYED) is (scheme is not None)
        assert bool(asked) is (scheme is not None)

    @pytest.mark.parametrize("scheme", SCHEMES)
    async def test_dashjs_plays(self, cinema: Cinema, page: Page, scheme: Scheme | None) -> None:
        """dash.js, which is not ours, plays the same set with the same licence server."""
        playback = await cinema.play(await cinema.show(scheme))

        asked = urlencode({"manifest": playback.dash, "licence": playback.licence})
        await page.goto(f"{cinema.address}/dashjs?{asked}")
        await until(page, SHOWN)

        assert await page.evaluate(KEYED) is (scheme is not None)


class TestRefusal:
    @pytest.mark.parametrize("engine", ["auto", "dash"])
    async def test_is_said_in_words(self, cinema: Cinema, page: Page, engine: str) -> None:
        """A viewer who is given no key is told so, and sees nothing of the film."""
        title = await cinema.show(Scheme.CBCS)

        async def end_sessions(route: Route) -> None:
            async with cinema.platform.db.transaction(cinema.ctx) as tx:
                await tx.execute(delete(sessions))
            await route.continue_()

        await page.route("**/licences/*", end_sessions)
        await page.goto(f"{cinema.address}/titles/{title.id}?engine={engine}")

        await expect(page.locator(".player__message")).to_contain_text(
            "This film is protected, and no key was given for it.", timeout=PATIENCE_SECONDS * 1000
        )
        assert await page.evaluate(f"{VIDEO}.getVideoPlaybackQuality().totalVideoFrames") == 0
