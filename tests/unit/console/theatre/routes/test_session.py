from datetime import timedelta

import httpx
from tests.unit.console.theatre.house import House, sign_in

from vitascope.foundation.context import AccountId


def _lose_access(browser: httpx.AsyncClient) -> None:
    """Do what a browser does when the access token's cookie has run out."""
    browser.cookies.delete("vitascope_session")


class TestRefresh:
    async def test_a_page_goes_on(self, house: House, ada: AccountId) -> None:
        """A page opened after the access token has run out renews the session and shows itself."""
        async with house.browser(ada) as browser:
            _lose_access(browser)
            page = await browser.get("/uploads?after=", follow_redirects=True)
            again = await browser.get("/uploads")

        assert [one.url.path for one in page.history] == ["/uploads", "/session/refresh"]
        assert page.url.query == b"after="
        assert again.status_code == 200

    async def test_a_form_is_not_lost(self, house: House, ada: AccountId) -> None:
        """A form sent after the token has run out arrives with all that was filled in."""
        title = house.films.add(ada)
        form = {"version": "1", "name": "A better name", "visibility": "unlisted"}

        async with house.browser(ada) as browser:
            _lose_access(browser)
            await browser.post(f"/titles/{title.id}/edit", data=form, follow_redirects=True)

        assert house.films.titles[title.id].name == "A better name"

    async def test_a_revoked_session_is_forgotten(self, house: House, ada: AccountId) -> None:
        """A session that was ended elsewhere becomes a visitor's, without going round in circles."""
        async with house.browser(ada) as browser:
            house.people.access.clear()
            house.people.refreshable.clear()
            page = await browser.get("/", follow_redirects=True)
            left = dict(browser.cookies)

        assert page.status_code == 200
        assert "Log in" in page.text
        assert left == {}

    async def test_tabs_that_wake_together(self, house: House, ada: AccountId) -> None:
        """Two tabs that send one refresh token at the same moment both live on."""
        tokens = house.people.tokens(ada)

        async with house.browser() as first, house.browser() as second:
            sign_in(first, tokens)
            sign_in(second, tokens)
            won = await first.post("/session/renew")
            lost = await second.post("/session/renew")
            kept = "vitascope_refresh" in second.cookies

        assert (won.status_code, lost.status_code) == (204, 204)
        assert "set-cookie" not in lost.headers
        assert kept

    async def test_a_script_learns_that_it_is_over(self, house: House) -> None:
        """A script that asks without a session is told so in a status."""
        async with house.browser() as browser:
            answer = await browser.post("/session/renew")

        assert answer.status_code == 401

    async def test_returning_tells_when(self, house: House, ada: AccountId) -> None:
        """The cookie that scripts may read says when to come again, and nothing else."""
        house.people.lifetime = timedelta(minutes=10)

        async with house.browser(ada) as browser:
            answer = await browser.post("/session/renew")

        (returning,) = [one for one in answer.headers.get_list("set-cookie") if "returning" in one]
        assert returning.partition("=")[2].partition(";")[0].isdecimal()
        assert "HttpOnly" not in returning
