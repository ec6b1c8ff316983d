import pytest
from playwright.async_api import Browser
from tests.integration.console.theatre.cinema import Cinema, Visit, visiting

from vitascope.video.catalog.contracts import TitleState

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("browser")]

PHONE = {"width": 360, "height": 740}
# What a screen reader would announce as nothing: a field, button or link without a name.
NAMELESS = """() => [...document.querySelectorAll('input:not([type=hidden]), button, a[href], textarea')]
    .filter((one) => one.checkVisibility() && !one.closest('[aria-hidden=true]'))
    .filter((one) => !(one.ariaLabel || one.labels?.length || one.textContent.trim()))
    .map((one) => one.outerHTML)"""


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
