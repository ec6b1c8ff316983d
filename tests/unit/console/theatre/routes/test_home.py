from tests.unit.console.theatre.house import House

from vitascope.console.theatre.routes.home import PAGE_SIZE
from vitascope.foundation.context import AccountId
from vitascope.video.catalog.contracts import Visibility
from vitascope.video.viewing.contracts import ViewCount


class TestHome:
    async def test_shows_published_films(self, house: House, ada: AccountId) -> None:
        """A visitor sees each public film with its picture, its length and its views."""
        title = house.films.add(ada, "Rough Sea at Dover")
        house.screen.counts_of[title.id] = ViewCount(views=3400, watching=2)

        async with house.browser() as browser:
            page = await browser.get("/")

        assert page.status_code == 200
        for said in (f"/titles/{title.id}", "Rough Sea at Dover", "3.4K views", "0:30", "/poster?v=1"):
            assert said in page.text

    async def test_hides_the_rest(self, house: House, ada: AccountId) -> None:
        """What is not published, or not for everybody, is not on the front page."""
        hidden, unlisted = house.films.add(ada, "Hidden"), house.films.add(ada, "Unlisted")
        house.films.change(hidden.id, published_at=None)
        house.films.change(unlisted.id, visibility=Visibility.UNLISTED)

        async with house.browser(ada) as browser:
            page = await browser.get("/")

        assert "Hidden" not in page.text
        assert "Unlisted" not in page.text
        assert "Upload the first one" in page.text

    async def test_older_films(self, house: House, ada: AccountId) -> None:
        """More films than a page holds are on the next one, and none of them on both."""
        names = [f"Reel {number:02}" for number in range(PAGE_SIZE + 3)]
        for name in names:
            house.films.add(ada, name)

        async with house.browser() as browser:
            first = await browser.get("/")
            link = first.text.partition('href="/?after=')[2].partition('"')[0]
            second = await browser.get("/", params={"after": link})

        on_first = {name for name in names if f">{name}<" in first.text}
        on_second = {name for name in names if f">{name}<" in second.text}
        assert (len(on_first), len(on_second)) == (PAGE_SIZE, 3)
        assert not on_first & on_second
        assert "Older films" not in second.text

    async def test_names_are_text(self, house: House, ada: AccountId) -> None:
        """A film's name is never markup."""
        house.films.add(ada, "<script>alert(1)</script>")

        async with house.browser() as browser:
            page = await browser.get("/")

        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert" in page.text
