"""A house that really shows films: its pages on a port, a transcoded film, a browser in front."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from playwright.async_api import Browser, ConsoleMessage, Page
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from tests.unit.console.theatre.house import House

from vitascope.foundation.context import Context
from vitascope.foundation.http.security import SecurityHeaders
from vitascope.video.catalog.contracts import Title, TitleId

PATIENCE_SECONDS = 60
FRAMES = "document.querySelector('video.player__video').getVideoPlaybackQuality().totalVideoFrames"
AT = "document.querySelector('video.player__video').currentTime"
HEIGHT = "document.querySelector('video.player__video').videoHeight"


@dataclass
class Cinema:
    """The house, its film, and what the browser told it."""

    film: Path
    house: House = field(default_factory=lambda: House(feed_interval=0.1))
    reports: list[dict[str, Any]] = field(default_factory=list)
    expired: set[str] = field(default_factory=set)
    broken: bool = False
    address: str = ""

    def __post_init__(self) -> None:
        self.ada = self.house.people.add("ada@example.org", "lantern slides")

    def show(self, name: str = "Countdown") -> Title:
        """A title that plays the film."""
        return self.house.films.add(self.ada, name)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Cinema"]:
        """Serve on a free port of this machine."""
        config = uvicorn.Config(self._app(), port=0, log_level="error", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn tells it by this attribute only
            await asyncio.sleep(0.01)
        self.address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.should_exit = True
            await serving

    def _app(self) -> SecurityHeaders:
        app = self.house.app()
        app.router.routes[0:0] = [
            Route("/media/{token}/renditions/{job}/{path:path}", self._file),
            Route("/beacons/{token}", self._report, methods=["POST"]),
            Route("/api/v1/titles/{title}/poster", self._poster),
            Route("/api/v1/titles/{title}/playback", self._play, methods=["POST"]),
        ]
        return SecurityHeaders(app)

    async def _file(self, request: Request) -> Response:
        if request.path_params["token"] in self.expired:
            return Response(status_code=403)
        if self.broken:
            return Response(status_code=500)
        return FileResponse(self.film / request.path_params["path"])

    async def _poster(self, _request: Request) -> Response:
        return FileResponse(self.film / "pictures/poster.jpg")

    async def _report(self, request: Request) -> Response:
        self.reports += (await request.json())["events"]
        return Response(status_code=204)

    async def _play(self, request: Request) -> Response:
        ctx = Context(tenant=self.house.people.tenant)
        playback = await self.house.screen.open(ctx, title=TitleId(request.path_params["title"]))
        return JSONResponse(asdict(playback) | {"expires_at": playback.expires_at.isoformat()}, 201)


@dataclass
class Visit:
    """One visit: a page, and whatever the browser complained of."""

    cinema: Cinema
    page: Page
    complaints: list[str]

    def hear(self, said: ConsoleMessage) -> None:
        """Keep what the browser calls an error."""
        if said.type == "error":
            self.complaints.append(said.text)

    async def go(self, path: str) -> None:
        """Open a page."""
        await self.page.goto(self.cinema.address + path)

    async def log_in(self) -> None:
        """Sign in as Ada."""
        await self.go("/login")
        await self.page.fill("#email", "ada@example.org")
        await self.page.fill("#password", "lantern slides")
        await self.page.click("main button")
        await self.page.wait_for_url(f"{self.cinema.address}/")

    async def play(self, path: str) -> None:
        """Open a title and press the big button."""
        await self.go(path)
        await self.page.click(".player__big")
        await self.until(f"{AT} > 0.5 && {FRAMES} > 5")

    async def until(self, expression: str) -> None:
        """Wait until this is true in the page; asked from here, because the page's policy allows no eval."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self.value(expression):  # noqa: ASYNC110 - a browser's state is asked for
                await asyncio.sleep(0.05)

    async def reported(self, **expected: Any) -> None:
        """Wait until the player has sent a report with these values."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not any(expected.items() <= report.items() for report in self.cinema.reports):  # noqa: ASYNC110 - a list is told nothing
                await asyncio.sleep(0.05)

    async def choose_quality(self, height: int) -> None:
        """Choose a quality in the menu, and wait until the picture has it."""
        await self.page.click("[data-menu=quality] .knob")
        await self.page.get_by_role("menuitemradio", name=f"{height}p", exact=True).click()
        await self.until(f"{HEIGHT} === {height}")

    async def value(self, expression: str) -> Any:
        """What the expression is in the page."""
        return await self.page.evaluate(expression)


@asynccontextmanager
async def visiting(cinema: Cinema, browser: Browser, **options: Any) -> AsyncIterator[Visit]:
    """A visit with a browser window of its own; `options` are Playwright's, such as a viewport."""
    context = await browser.new_context(**options)
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    page = await context.new_page()
    visit = Visit(cinema=cinema, page=page, complaints=[])
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("console", visit.hear)
    try:
        yield visit
    finally:
        await context.close()
