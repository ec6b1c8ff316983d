"""What the tests in a real browser share."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright
from tests.integration.console.theatre.cinema import Cinema, Visit, visiting
from tests.integration.transcoding.pipeline.corpus import TOOLS, ffmpeg

from vitascope.console.theatre.pages import STATIC
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench

SECONDS = 24
_SUBTITLES = "1\n00:00:00,000 --> 00:00:20,000\nHere comes the picture.\n"
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of two qualities with sound and captions, transcoded once."""
    folder = tmp_path_factory.mktemp("film")
    (folder / "captions.srt").write_text(_SUBTITLES, encoding="utf-8")
    picture = ("-f", "lavfi", "-i", f"testsrc2=size=854x480:rate=24:duration={SECONDS}")
    sound = ("-f", "lavfi", "-i", f"sine=frequency=330:sample_rate=48000:duration={SECONDS}")
    text = ("-i", str(folder / "captions.srt"), "-map", "0", "-map", "1", "-map", "2", "-c:s", "srt")
    language = ("-metadata:s:s:0", "language=eng")
    ffmpeg(*picture, *sound, *text, *language, "-preset", "ultrafast", str(folder / "film.mkv"))
    Pipeline(Workbench(tools=TOOLS)).transcode(folder / "film.mkv", out=folder / "out")
    return folder / "out"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium, without a window."""
    chromium = shutil.which("chromium")
    if chromium is None or not (STATIC / "vendor").is_dir():
        pytest.skip("needs chromium and the browser parts (make parts assets)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def cinema(film: Path) -> AsyncIterator[Cinema]:
    """A house that shows the film."""
    async with Cinema(film=film).open() as cinema:
        yield cinema


@pytest.fixture
async def visit(cinema: Cinema, browser: Browser) -> AsyncIterator[Visit]:
    """Somebody in front of a desktop screen."""
    async with visiting(cinema, browser, viewport={"width": 1280, "height": 800}) as visit:
        yield visit
