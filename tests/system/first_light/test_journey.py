import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.integration.transcoding.pipeline.corpus import ffmpeg
from tests.system.first_light.platform import PATIENCE_SECONDS, RunningPlatform, until

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.timeout(600),
]

EMAIL, PASSWORD = "grace@example.org", "a lantern in the dark"
FILM_SECONDS = 20
VIDEO = "document.querySelector('video.player__video')"
AT, HEIGHT = f"{VIDEO}.currentTime", f"{VIDEO}.videoHeight"
FRAMES = f"{VIDEO}.getVideoPlaybackQuality().totalVideoFrames"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of two qualities with sound."""
    file = tmp_path_factory.mktemp("film") / "Rough_Sea_at_Dover.mp4"
    picture = ("-f", "lavfi", "-i", f"testsrc2=size=854x480:rate=25:duration={FILM_SECONDS}")
    sound = ("-f", "lavfi", "-i", f"sine=frequency=330:sample_rate=48000:duration={FILM_SECONDS}")
    ffmpeg(*picture, *sound, "-preset", "ultrafast", "-shortest", str(file))
    return file


async def _become_member(page: Page, platform: RunningPlatform) -> None:
    """Sign up, open the link in the mail, confirm, log in."""
    await page.goto(f"{platform.url}/signup")
    await page.get_by_label("Name").fill("Grace")
    await page.get_by_label("E-mail address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Create the account").click()
    await expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    await page.goto(await asyncio.to_thread(platform.link_for, EMAIL))
    await page.get_by_role("button", name="Confirm my address").click()
    await page.get_by_label("E-mail address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("main").get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("button", name="Log out")).to_be_visible()


async def _upload(page: Page, platform: RunningPlatform, film: Path) -> None:
    """Give the film to the upload page, to be published as soon as it plays."""
    await page.goto(f"{platform.url}/upload")
    await page.set_input_files("#files", film)
    title = page.get_by_label("Title")
    await expect(title).to_have_value("Rough Sea at Dover")
    await page.get_by_role("button", name="Start the upload").click()
    await page.get_by_role("link", name="See how it goes").click()


async def _watch_it_come_along(page: Page) -> list[float]:
    """See progress move on the open page until the film is published; what the bar showed."""
    shown: list[float] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await page.get_by_text("Published", exact=True).count() == 0:
            # read in one go: the bar may be gone by the time that a second question comes
            read = "bars => bars.map(bar => Number(bar.getAttribute('value') || 0))"
            for value in await page.get_by_role("progressbar").evaluate_all(read):
                shown += [value] if value not in shown else []
            await asyncio.sleep(0.2)
    return shown


class TestFirstLight:
    async def test_from_a_file_to_a_screen(
        self, page: Page, platform_up: RunningPlatform, film: Path
    ) -> None:
        """A new person signs up, uploads a film, sees it come along, and watches it in HLS and in DASH."""
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))

        await _become_member(page, platform_up)
        await _upload(page, platform_up, film)
        progress = await _watch_it_come_along(page)
        await page.get_by_role("link", name="Rough Sea at Dover", exact=True).click()
        await page.get_by_role("button", name="Play Rough Sea at Dover").click()
        await until(page, f"{AT} > 1 && {FRAMES} > 10")
        await page.keyboard.press("k")
        await page.keyboard.press("5")
        await until(page, f"{AT} > 9.9 && {AT} < 10.1")
        frames = await page.evaluate(FRAMES)
        await page.keyboard.press("k")
        await until(page, f"{FRAMES} > {frames} + 10")
        await page.keyboard.press("0")
        await page.get_by_role("button", name="Quality").click()
        await page.get_by_role("menuitemradio", name="360p").click()
        await until(page, f"{HEIGHT} === 360")
        await expect(page.get_by_text("1 view", exact=True)).to_be_visible()
        await expect(page.get_by_text("1 watching now")).to_be_visible()
        await page.goto(f"{page.url}?engine=dash")
        await page.get_by_role("button", name="Play Rough Sea at Dover").click()
        await until(page, f"{AT} > 1 && {FRAMES} > 10")

        assert len(progress) >= 2
        assert progress == sorted(progress)
        assert complaints == []

    async def test_it_is_on_the_front_page(self, page: Page, platform_up: RunningPlatform) -> None:
        """A visitor finds the film on the front page with its picture, and plays it without an account."""
        await page.goto(platform_up.url)
        await expect(page.get_by_role("heading", name="Rough Sea at Dover")).to_be_visible()
        await until(page, "document.querySelector('.lead img')?.naturalWidth > 0")
        await page.get_by_role("link", name="Watch Rough Sea at Dover").click()
        await page.get_by_role("button", name="Play Rough Sea at Dover").click()
        await until(page, f"{AT} > 0.5 && {FRAMES} > 5")
