import asyncio

import pytest
from playwright.async_api import Browser, FilePayload, Route
from tests.integration.console.theatre.cinema import PATIENCE_SECONDS, Cinema, Visit, visiting
from tests.unit.console.theatre.house import House

from vitascope.console.theatre.live import Feed
from vitascope.video.catalog.contracts import TitleState

pytestmark = pytest.mark.needs("chromium")

PHONE = {"width": 360, "height": 740}
# What a screen reader would announce as nothing: a field, button or link without a name.
NAMELESS = """() => [...document.querySelectorAll('input:not([type=hidden]), button, a[href], textarea')]
    .filter((one) => one.checkVisibility() && !one.closest('[aria-hidden=true]'))
    .filter((one) => !(one.ariaLabel || one.labels?.length || one.textContent.trim()))
    .map((one) => one.outerHTML)"""


class SlowAnswer:
    """An answer that is made, and arrives when it may."""

    def __init__(self) -> None:
        self.made, self.may_go = asyncio.Event(), asyncio.Event()

    async def hold(self, route: Route) -> None:
        """Keep the first answer back; later ones go through."""
        answer = await route.fetch()
        self.made.set()
        await self.may_go.wait()
        await route.fulfill(response=answer)


async def _told(house: House, text: str) -> None:
    """Wait until the pages' feed has told this."""
    feed = house.container.get(Feed)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not any(  # noqa: ASYNC110 - what was told last is no event
            text in piece for one in feed._watched.values() for piece in (one.fragments or {}).values()
        ):
            await asyncio.sleep(0.02)


class TestOwnFilms:
    async def test_progress_moves_and_focus_stays(self, visit: Visit) -> None:
        """Progress moves on the open page while the focus stays on the button where it was."""
        films = visit.cinema.house.films
        title = films.add(visit.cinema.ada, "Express", state=TitleState.PROCESSING)
        await visit.log_in()
        await visit.go("/uploads")
        cancel = visit.page.get_by_role("button", name="Cancel Express")
        await cancel.focus()

        films.progress(title.id, 0.37)
        await visit.page.get_by_text("37 % · encoding").wait_for()

        assert await cancel.evaluate("button => button === document.activeElement")
        assert visit.complaints == []

    async def test_buttons_act_in_place(self, visit: Visit) -> None:
        """Unpublishing changes the row without leaving the page."""
        visit.cinema.show("Dance")
        await visit.log_in()
        await visit.go("/uploads")

        await visit.page.get_by_role("button", name="Unpublish Dance").click()
        await visit.page.get_by_role("button", name="Publish Dance", exact=True).wait_for()

        assert visit.page.url.endswith("/uploads")

    async def test_new_film_appears(self, visit: Visit) -> None:
        """A film that is uploaded elsewhere appears by itself."""
        await visit.log_in()
        await visit.go("/uploads")

        visit.cinema.house.films.add(visit.cinema.ada, "Serpentine", state=TitleState.PROCESSING)
        await visit.page.get_by_role("link", name="Serpentine", exact=True).wait_for()

        assert visit.complaints == []

    async def test_change_while_the_list_is_fetched(self, visit: Visit) -> None:
        """What changes after a new list was made and before it is shown is not lost."""
        house, page = visit.cinema.house, visit.page
        await visit.log_in()
        await visit.go("/uploads")
        slow = SlowAnswer()
        await page.route("**/uploads/list", slow.hold)
        title = house.films.add(visit.cinema.ada, "Serpentine", state=TitleState.PROCESSING)
        await slow.made.wait()

        house.films.progress(title.id, 0.91)
        await _told(house, "91 %")
        slow.may_go.set()

        await page.get_by_text("91 % · encoding").wait_for()


class TestUpload:
    async def test_film_chosen_before_the_script(self, visit: Visit) -> None:
        """Who chooses a film before the page's script has come finds it in the list all the same."""
        await visit.log_in()
        slow = SlowAnswer()
        await visit.page.route("**/upload/upload.js*", slow.hold)
        film: FilePayload = {"name": "Rough_Sea.mp4", "mimeType": "video/mp4", "buffer": b"film"}

        await visit.page.goto(f"{visit.cinema.address}/upload", wait_until="commit")
        await slow.made.wait()
        await visit.page.set_input_files("#files", film)
        slow.may_go.set()

        await visit.page.get_by_role("button", name="Start the upload").wait_for()
        assert await visit.page.get_by_label("Title").input_value() == "Rough Sea"


class TestEverywhere:
    @pytest.mark.parametrize("scheme", ["dark", "light"])
    async def test_fits_a_phone_and_has_names(self, cinema: Cinema, browser: Browser, scheme: str) -> None:
        """No page is wider than a small phone, and everything one can press or fill has a name."""
        title = cinema.show("The Burlesque on the Massachusetts Sea Shore")
        cinema.house.films.add(cinema.ada, "Broken", state=TitleState.FAILED)
        paths = ["/signup", "/nothing", "/", "/uploads", "/upload", f"/titles/{title.id}"]
        wide, nameless = [], []

        async with visiting(cinema, browser, viewport=PHONE, color_scheme=scheme) as visit:
            await visit.log_in()
            for path in [*paths, f"/titles/{title.id}/edit"]:
                await visit.go(path)
                width = await visit.value("document.documentElement.scrollWidth")
                wide += [(path, width)] if width > PHONE["width"] else []
                nameless += await visit.value(NAMELESS)

        assert wide == []
        assert nameless == []

    async def test_works_without_script(self, cinema: Cinema, browser: Browser) -> None:
        """Logging in, editing and publishing need no JavaScript."""
        title = cinema.show("Plain")

        async with visiting(cinema, browser, java_script_enabled=False) as visit:
            await visit.log_in()
            await visit.go(f"/titles/{title.id}/edit")
            await visit.page.fill("#name", "Plainer")
            await visit.page.get_by_role("button", name="Save").click()
            await visit.go("/uploads")
            await visit.page.get_by_role("button", name="Unpublish Plainer").click()
            await visit.page.get_by_role("button", name="Publish Plainer", exact=True).wait_for()

        assert cinema.house.films.titles[title.id].published_at is None
