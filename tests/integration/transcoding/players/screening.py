"""A page on a port of this machine in which somebody else's player shows a set to its end.

Serves a folder as it is, the players out of node_modules, and a ClearKey licence server that knows the
keys it is given (W3C Encrypted Media Extensions, section 9.1).
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from playwright.async_api import Browser, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

ROOT = Path(__file__).resolve().parents[4]
MODULES = ROOT / "node_modules"
PAGE = Path(__file__).with_name("screening.html")
SCRIPTS = {
    "hls.js": "hls.js/dist/hls.min.js",
    "shaka-player": "shaka-player/dist/shaka-player.compiled-es2021.js",
    "dash.js": "dashjs/dist/modern/umd/dash.all.min.js",
}
PATIENCE_MILLISECONDS = 60_000


@dataclass(frozen=True)
class Seen:
    """What was on the screen when the player came to its end, or gave up."""

    duration: float
    at: float
    frames: int
    height: int
    error: str | None


@dataclass
class Screening:
    """A served set; `keys` are those of the licence server, hexadecimal, by hexadecimal key id."""

    folder: Path
    keys: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    licences: int = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Screening"]:
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

    async def show(self, browser: Browser, *, player: str, manifest: str) -> Seen:
        """Play a manifest of the set from the first to the last second, at double speed."""
        context = await browser.new_context()
        try:
            page = await context.new_page()
            address = f"{self.address}/?player={player}&manifest=/set/{manifest}"
            await page.goto(address + ("&licence=/licence" if self.keys else ""))
            return await _watch(page)
        finally:
            await context.close()

    def _app(self) -> Starlette:
        routes = [
            Route("/", self._page),
            Route("/licence", self._licence, methods=["POST"]),
            Mount("/set", StaticFiles(directory=self.folder)),
            *(Route(f"/players/{name}", _script(file)) for name, file in SCRIPTS.items()),
        ]
        return Starlette(routes=routes)

    async def _page(self, _request: Request) -> FileResponse:
        return FileResponse(PAGE)

    async def _licence(self, request: Request) -> JSONResponse:
        self.licences += 1
        asked = [(kid, _hexadecimal(kid)) for kid in (await request.json())["kids"]]
        known = [
            {"kty": "oct", "kid": kid, "k": _base64(self.keys[key])} for kid, key in asked if key in self.keys
        ]
        return JSONResponse({"keys": known, "type": "temporary"}, 200 if known else 403)


async def _watch(page: Page) -> Seen:
    await page.wait_for_function("window.screening?.over()", timeout=PATIENCE_MILLISECONDS)
    return Seen(**await page.evaluate("window.screening.seen()"))


def _script(file: str) -> Any:
    async def script(_request: Request) -> FileResponse:
        return FileResponse(MODULES / file)

    return script


def _hexadecimal(text: str) -> str:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).hex()


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(text)).rstrip(b"=").decode()
