import pytest
from tests.unit.console.theatre.house import House

from vitascope.console.theatre.live import Fragments
from vitascope.foundation.context import AccountId
from vitascope.video.catalog.contracts import Person, TitleState
from vitascope.video.viewing.contracts import ViewCount


class TestShow:
    async def test_has_a_player(self, house: House, ada: AccountId) -> None:
        """A visitor's page of a published film holds the addresses of its playback, and no way to edit."""
        title = house.films.add(ada, "The Kiss")
        house.films.change(title.id, people=(Person(name="May Irwin", role="Cast"),), tags=("1896",))

        async with house.browser() as browser:
            page = await browser.get(f"/titles/{title.id}")

        for said in ("The Kiss", "master.m3u8", "manifest.mpd", "/beacons/token-1", "May Irwin", "1896"):
            assert said in page.text
        assert "/edit" not in page.text
        assert house.screen.opened == 1

    async def test_opens_the_policy_to_the_delivery(self, house: House, ada: AccountId) -> None:
        """Segments may come from the address that delivers them, and from nowhere else."""
        house.screen.media = "https://media.example:8443"
        title = house.films.add(ada)

        async with house.browser() as browser:
            page = await browser.get(f"/titles/{title.id}")
            home = await browser.get("/")

        policy = page.headers["content-security-policy"]
        assert "connect-src 'self' https://media.example:8443;" in policy
        assert "media.example" not in home.headers["content-security-policy"]

    async def test_not_ready(self, house: House, ada: AccountId) -> None:
        """A film that is not ready has a curtain instead of a player, and opens no playback."""
        title = house.films.add(ada, state=TitleState.PROCESSING)

        async with house.browser(ada) as browser:
            page = await browser.get(f"/titles/{title.id}")

        assert "Almost there" in page.text
        assert "player.js" not in page.text
        assert house.screen.opened == 0

    async def test_failed(self, house: House, ada: AccountId) -> None:
        """A film that failed says why."""
        title = house.films.add(ada, state=TitleState.FAILED)

        async with house.browser(ada) as browser:
            page = await browser.get(f"/titles/{title.id}")

        assert "The file has no picture." in page.text

    @pytest.mark.parametrize("address", ["ttl_00000000000000000000000000", "nonsense"])
    async def test_no_such_title(self, house: House, address: str) -> None:
        """A film that is not there, or an address that can be none, is a page that says so."""
        async with house.browser() as browser:
            page = await browser.get(f"/titles/{address}")

        assert page.status_code == 404
        assert "Nothing is showing here" in page.text


class TestLive:
    async def test_counts_as_they_change(self, house: House, ada: AccountId) -> None:
        """The counter on the page moves when the count does."""
        title = house.films.add(ada)
        fragments = house.watch(f"/titles/{title.id}/live")

        first = await anext(fragments)
        house.screen.counts_of[title.id] = ViewCount(views=1, watching=1)
        second = await anext(fragments)
        await fragments.aclose()

        assert "0 views" in _views(first)
        assert "1 view<" in _views(second)
        assert "1 watching now" in _views(second)

    async def test_of_no_title(self, house: House) -> None:
        """There is no counter of a film that one may not see."""
        async with house.browser() as browser:
            answer = await browser.get(
                "/titles/ttl_00000000000000000000000000/live", headers={"accept": "text/event-stream"}
            )

        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


def _views(fragments: Fragments) -> str:
    return fragments["views"]


class TestEdit:
    async def test_changes_what_is_said(self, house: House, ada: AccountId) -> None:
        """The owner changes name, description, tags and visibility in one form."""
        title = house.films.add(ada)
        form = {
            "version": "1",
            "name": "New",
            "description": "One\r\nTwo",
            "tags": "a, b,,a",
            "visibility": "private",
        }

        async with house.browser(ada) as browser:
            answer = await browser.post(f"/titles/{title.id}/edit", data=form)

        changed = house.films.titles[title.id]
        assert answer.headers["location"] == f"/titles/{title.id}"
        assert (changed.name, changed.description, changed.tags) == ("New", "One\nTwo", ("a", "b"))
        assert changed.visibility == "private"

    async def test_shows_what_is_wrong(self, house: House, ada: AccountId) -> None:
        """A refused form keeps what was typed."""
        title = house.films.add(ada)
        form = {"version": "1", "name": " ", "description": "Typed", "visibility": "public"}

        async with house.browser(ada) as browser:
            page = await browser.post(f"/titles/{title.id}/edit", data=form)

        assert page.status_code == 422
        assert "A title has a name." in page.text
        assert "Typed" in page.text

    async def test_changed_meanwhile(self, house: House, ada: AccountId) -> None:
        """Two people who edit at once do not undo each other's work."""
        title = house.films.add(ada)
        house.films.change(title.id, version=2)

        async with house.browser(ada) as browser:
            page = await browser.post(f"/titles/{title.id}/edit", data={"version": "1", "name": "Late"})

        assert page.status_code == 412
        assert house.films.titles[title.id].name == "The Kiss"

    async def test_asks_to_sign_in(self, house: House, ada: AccountId) -> None:
        """A visitor is asked to log in and comes back to the form."""
        title = house.films.add(ada)

        async with house.browser() as browser:
            answer = await browser.get(f"/titles/{title.id}/edit")

        assert answer.headers["location"] == f"/login?next=%2Ftitles%2F{title.id}%2Fedit"

    async def test_not_somebody_elses(self, house: House, ada: AccountId, bob: AccountId) -> None:
        """Nobody edits another's film."""
        title = house.films.add(ada)

        async with house.browser(bob) as browser:
            page = await browser.get(f"/titles/{title.id}/edit")

        assert page.status_code == 403
        assert "Only whoever uploaded this film may edit it." in page.text


class TestPublish:
    async def test_with_and_without_script(self, house: House, ada: AccountId) -> None:
        """Publishing answers htmx with nothing and a plain form with the list."""
        title = house.films.add(ada)

        async with house.browser(ada) as browser:
            plain = await browser.post(f"/titles/{title.id}/unpublish")
            hidden = house.films.titles[title.id].published_at is None
            scripted = await browser.post(f"/titles/{title.id}/publish", headers={"hx-request": "true"})

        assert (plain.status_code, plain.headers["location"]) == (303, "/uploads")
        assert hidden
        assert scripted.status_code == 204
        assert house.films.titles[title.id].published_at is not None

    async def test_too_early(self, house: House, ada: AccountId) -> None:
        """A film that is not ready cannot be published, and htmx is told why in a problem."""
        title = house.films.add(ada, state=TitleState.PROCESSING)

        async with house.browser(ada) as browser:
            answer = await browser.post(f"/titles/{title.id}/publish", headers={"hx-request": "true"})

        assert answer.status_code == 409
        assert "still being transcoded" in answer.json()["detail"]

    async def test_remove(self, house: House, ada: AccountId) -> None:
        """A removed film is gone."""
        title = house.films.add(ada)

        async with house.browser(ada) as browser:
            await browser.post(f"/titles/{title.id}/remove")

        assert house.films.titles == {}
