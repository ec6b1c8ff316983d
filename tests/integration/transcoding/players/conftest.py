"""A browser for other people's players, and a set for them to play."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright
from tests.integration.console.theatre.conftest import CHROMIUM_ARGUMENTS
from tests.integration.transcoding.pipeline.corpus import TOOLS, ffmpeg, picture, tone
from tests.integration.transcoding.players.screening import MODULES, SCRIPTS

from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench

SECONDS = 5
_SUBTITLES = "1\n00:00:00,500 --> 00:00:02,000\nHello\n\n2\n00:00:02,500 --> 00:00:04,500\nBye\n"


@pytest.fixture(scope="session")
def clear_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of two rungs with sound in two languages and captions, nothing of it encrypted."""
    folder = tmp_path_factory.mktemp("players")
    (folder / "captions.srt").write_text(_SUBTITLES, encoding="ascii")
    inputs = (*picture("854x480", rate="25", seconds=SECONDS), *tone(330, seconds=SECONDS))
    more = (*tone(550, seconds=SECONDS), "-i", str(folder / "captions.srt"))
    languages = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra")
    maps = (
        "-map",
        "0",
        "-map",
        "1",
        "-map",
        "2",
        "-map",
        "3",
        "-c:s",
        "srt",
        "-metadata:s:s:0",
        "language=eng",
    )
    ffmpeg(*inputs, *more, *maps, *languages, "-preset", "ultrafast", str(folder / "film.mkv"))
    Pipeline(Workbench(tools=TOOLS)).transcode(folder / "film.mkv", out=folder / "set")
    return folder / "set"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium, without a window."""
    chromium = shutil.which("chromium")
    if chromium is None or not all((MODULES / script).is_file() for script in SCRIPTS.values()):
        pytest.skip("needs chromium and the players (make parts players)")
    async with async_playwright() as playwright:
        arguments = (*CHROMIUM_ARGUMENTS, "--autoplay-policy=no-user-gesture-required")
        browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        await browser.close()
