"""A running platform, and a browser in front of it."""

import shutil
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Page, async_playwright, expect
from tests.integration.console.theatre.conftest import CHROMIUM_ARGUMENTS
from tests.system.first_light.platform import RunningPlatform, running

from vitascope.console.theatre.pages import STATIC

_STEP_MILLISECONDS = 60_000


@pytest.fixture(scope="session")
def platform_up() -> Iterator[RunningPlatform]:
    """The platform, as `vitascope up` starts it."""
    with running() as platform:
        yield platform


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A new person's browser."""
    chromium = shutil.which("chromium")
    if chromium is None or not (STATIC / "vendor").is_dir():
        pytest.skip("needs chromium and the browser parts (make parts assets)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(_STEP_MILLISECONDS)
        expect.set_options(timeout=_STEP_MILLISECONDS)
        yield await context.new_page()
        await browser.close()
