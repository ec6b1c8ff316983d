import pytest
from tests.unit.console.theatre.house import House

from vitascope.foundation.context import AccountId


class TestErrors:
    async def test_unknown_page(self, house: House, ada: AccountId) -> None:
        """An address where nothing is gets a page that still knows who looks."""
        async with house.browser(ada) as browser:
            page = await browser.get("/nothing/here")

        assert page.status_code == 404
        assert "Nothing is showing here" in page.text
        assert "Log out" in page.text

    async def test_unexpected(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """What nobody expected is a page too, without a word about the inside."""

        async def fail(*_: object, **__: object) -> None:
            raise RuntimeError("the inside")

        monkeypatch.setattr(house.films, "published", fail)

        async with house.browser() as browser:
            page = await browser.get("/")

        assert page.status_code == 500
        assert "The film broke" in page.text
        assert "the inside" not in page.text

    async def test_programs_get_problems(self, house: House) -> None:
        """Whoever does not ask for a page gets a problem document."""
        async with house.browser() as browser:
            answer = await browser.get("/nothing", headers={"accept": "*/*"})

        assert answer.headers["content-type"] == "application/problem+json"


class TestBehindEverything:
    async def test_the_api_keeps_its_answers(self, house: House) -> None:
        """The pages take nothing from the API: neither its 404 nor its 405."""
        async with house.browser() as browser:
            known = await browser.get("/api/v1/titles")
            unknown = await browser.get("/api/v1/nothing")
            other_method = await browser.post("/api/v1/titles")

        assert known.json() == {"items": []}
        assert (unknown.status_code, other_method.status_code) == (404, 405)
        assert unknown.headers["content-type"] == "application/problem+json"


class TestStatic:
    async def test_cached_for_good(self, house: House) -> None:
        """A file under the address of its build is kept for good; under any other, briefly."""
        async with house.browser() as browser:
            page = await browser.get("/login")
            address = page.text.partition('rel="stylesheet" href="')[2].partition("vendor/")[0]
            current = await browser.get(f"{address}theatre.css")
            other = await browser.get("/static/old/theatre.css")

        assert "immutable" in current.headers["cache-control"]
        assert "immutable" not in other.headers["cache-control"]

    @pytest.mark.parametrize("path", ["../pages.py", "%2e%2e/pages.py", "nothing.css"])
    async def test_nothing_else(self, house: House, path: str) -> None:
        """Only what is meant to be served is."""
        async with house.browser() as browser:
            answer = await browser.get(f"/static/x/{path}")

        assert answer.status_code == 404
