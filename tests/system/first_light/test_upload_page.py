import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest
from playwright.async_api import CDPSession, Page, expect
from tests.system.first_light.platform import RunningPlatform, until

pytestmark = pytest.mark.needs("chromium")

FILM_BYTES = 6_000_000
SLOW_BYTES_PER_SECOND = 200_000  # half a minute, in which even a busy machine comes to its turn
UNLIMITED = -1
UPLOADED = "Uploaded. It is being made ready"
PART = "document.querySelector('.upload progress').value"
PATIENCE_SECONDS = 60


class Line:
    """How fast the browser may send."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session

    async def be(self, *, upload: int = UNLIMITED) -> None:
        """Let so many bytes a second through."""
        conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": upload}
        await self._session.send("Network.emulateNetworkConditions", conditions)


class Wire:
    """A wire to the platform that can be cut."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: set[asyncio.StreamWriter] = set()
        self._whole = True
        self.url = ""

    @classmethod
    @asynccontextmanager
    async def to(cls, platform: RunningPlatform) -> AsyncIterator[Self]:
        """A wire from a port of its own to the platform."""
        wire = cls(int(platform.url.rpartition(":")[2]))
        server = await asyncio.start_server(wire._join, "127.0.0.1", 0)
        wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield wire
        server.close()
        wire._break()
        await server.wait_closed()

    async def cut(self, *, seconds: float) -> None:
        """Break every connection, and let none through for a while."""
        self._whole = False
        self._break()
        await asyncio.sleep(seconds)
        self._whole = True

    def _break(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, far_writer}
        await asyncio.gather(_carry(reader, far_writer), _carry(far_reader, writer))
        self._open -= {writer, far_writer}


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
async def line(page: Page) -> AsyncIterator[Line]:
    """A slow line."""
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    line = Line(session)
    await line.be(upload=SLOW_BYTES_PER_SECOND)
    yield line
    await session.detach()


@pytest.fixture
def reel(tmp_path: Path) -> Path:
    """A file that is called a film; what is in it matters to the job, not to the upload."""
    file = tmp_path / "reel.mp4"
    file.write_bytes(os.urandom(FILM_BYTES))
    return file


async def _begin(page: Page, platform: RunningPlatform, reel: Path) -> None:
    """Log in, choose the file, start, and see some of it get to the platform."""
    await page.goto(f"{platform.url}/login?next=/upload")
    await page.get_by_label("E-mail address").fill(platform.owner.email)
    await page.get_by_label("Password").fill(platform.owner.password)
    await page.get_by_role("main").get_by_role("button", name="Log in").click()
    await page.set_input_files("#files", reel)
    async with page.expect_response(lambda answer: answer.request.method == "POST") as created:
        await page.get_by_role("button", name="Start the upload").click()
    location = (await created.value).headers["location"]
    await until(page, f"{PART} > 0.02")
    await _some_has_arrived(page, f"{platform.url}{location}")


async def _some_has_arrived(page: Page, address: str) -> None:
    """Wait until the platform has bytes of the upload: what a browser has sent may still be on its way."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            answer = await page.request.head(address, headers={"Tus-Resumable": "1.0.0"})
            if int(answer.headers["upload-offset"]) > 0:
                return
            await asyncio.sleep(0.1)


class TestUploadPage:
    async def test_lost_connection(
        self, page: Page, line: Line, platform_up: RunningPlatform, reel: Path
    ) -> None:
        """An upload whose connection breaks goes on by itself, from where the server has it."""
        offsets: list[int] = []

        async with Wire.to(platform_up) as wire:
            await _begin(page, replace(platform_up, url=wire.url), reel)
            page.on("request", lambda sent: offsets.append(int(sent.headers.get("upload-offset", -1))))
            await wire.cut(seconds=1.5)
            await line.be()
            await expect(page.get_by_text(UPLOADED)).to_be_visible()

        assert min(offset for offset in offsets if offset >= 0) > 0

    async def test_closed_page(
        self, page: Page, line: Line, platform_up: RunningPlatform, reel: Path
    ) -> None:
        """After the page was closed, choosing the same file goes on where the server stopped."""
        await _begin(page, platform_up, reel)
        page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
        offsets: list[int] = []

        await page.reload()
        await line.be()
        page.on("request", lambda sent: offsets.append(int(sent.headers.get("upload-offset", -1))))
        await page.set_input_files("#files", reel)
        await expect(page.get_by_text("This upload was begun before.")).to_be_visible()
        await page.get_by_role("button", name="Go on").click()
        await expect(page.get_by_text(UPLOADED)).to_be_visible()

        assert min(offset for offset in offsets if offset >= 0) > 0

    async def test_pause(self, page: Page, line: Line, platform_up: RunningPlatform, reel: Path) -> None:
        """A paused upload rests, and goes on when it is told to."""
        await _begin(page, platform_up, reel)

        await page.get_by_role("button", name="Pause").click()
        await expect(page.get_by_text("Paused")).to_be_visible()
        rested = await page.evaluate(PART)
        await asyncio.sleep(1)
        still = await page.evaluate(PART)
        await line.be()
        await page.get_by_role("button", name="Go on").click()

        await expect(page.get_by_text(UPLOADED)).to_be_visible()
        assert still == rested
