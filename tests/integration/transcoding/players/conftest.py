"""A browser for other people's players, and a set for them to play."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright
from tests.integration.console.theatre.conftest import CHROMIUM_ARGUMENTS
from tests.integration.transcoding.pipeline.corpus import TOOLS
from tests.integration.transcoding.pipeline.validation.sets import make_film
from tests.integration.transcoding.players.screening import MODULES, SCRIPTS

from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench

SECONDS = 5


@pytest.fixture(scope="session")
def clear_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of two rungs with sound in two languages and captions, nothing of it encrypted."""
    folder = tmp_path_factory.mktemp("players")
    Pipeline(Workbench(tools=TOOLS)).transcode(make_film(folder), out=folder / "set")
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
