"""A platform, a film and a browser."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright
from tests.integration.console.theatre.conftest import CHROMIUM_ARGUMENTS
from tests.integration.transcoding.pipeline.corpus import H264, TOOLS, ffmpeg, picture, tone
from tests.integration.video.conftest import Studio, Transcoding
from tests.system.protection.cinema import DASHJS, Cinema

from vitascope.console.theatre.pages import STATIC
from vitascope.foundation.context import Context
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.storage.objects import Objects
from vitascope.runtime.testing import KnownContexts, PlatformUnderTest
from vitascope.transcoding.jobs.contracts import Jobs
from vitascope.transcoding.pipeline.encoded import Encoded
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench


@pytest.fixture(scope="session")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Encoded:
    """A small film with sound, encoded once and packaged by each test as it needs it."""
    work = tmp_path_factory.mktemp("protection")
    film = work / "film.mp4"
    ffmpeg(*picture("320x180", rate="25", seconds=6), *tone(seconds=6), *H264, "-c:a", "aac", str(film))
    pipeline = Pipeline(Workbench(tools=TOOLS))
    media, _ = pipeline.probe(film)
    return pipeline.encode(film, pipeline.plan(media), work=work)[0]


@pytest.fixture
async def cinema(
    platform: PlatformUnderTest,
    ctx: Context,
    known_contexts: KnownContexts,
    encoded: Encoded,
    tmp_path: Path,
) -> AsyncIterator[Cinema]:
    """The platform on a port, whose visitors belong to the tenant."""
    del known_contexts
    objects, transcoding = LocalObjects(tmp_path / "objects"), Transcoding()
    platform.container.put(Objects, objects)
    platform.container.put(Jobs, transcoding)
    studio = Studio(platform, objects=objects, transcoding=transcoding)
    async with Cinema(platform=platform, studio=studio, ctx=ctx, encoded=encoded).open() as cinema:
        yield cinema


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page of Chromium, without a window."""
    chromium = shutil.which("chromium")
    if chromium is None or not (STATIC / "vendor").is_dir() or not DASHJS.is_file():
        pytest.skip("needs chromium and the browser parts (make parts assets)")
    async with async_playwright() as playwright:
        browser: Browser = await playwright.chromium.launch(
            executable_path=chromium, args=[*CHROMIUM_ARGUMENTS, "--autoplay-policy=no-user-gesture-required"]
        )
        yield await browser.new_page()
        await browser.close()
