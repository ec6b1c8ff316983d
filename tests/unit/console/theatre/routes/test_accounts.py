import pytest
from tests.unit.console.theatre.conftest import EMAIL, PASSWORD
from tests.unit.console.theatre.house import VERIFICATION, House

from vitascope.foundation.context import AccountId


class TestSignUp:
    async def test_leads_to_the_mail(self, house: House) -> None:
        """Whoever has signed up is told to look into the mail."""
        form = {"name": "Ada", "email": " ada@example.org ", "password": PASSWORD}

        async with house.browser() as browser:
            page = await browser.post("/signup", data=form, follow_redirects=True)

        assert page.url.path == "/signup/sent"
        assert "Check your mail" in page.text
        assert EMAIL in house.people.passwords

    async def test_names_the_wrong_field(self, house: House) -> None:
        """A refused form comes back filled in, with the wrong field marked and no password in it."""
        form = {"name": "Ada", "email": EMAIL, "password": "short"}

        async with house.browser() as browser:
            page = await browser.post("/signup", data=form)

        assert page.status_code == 422
        assert "at least 10 characters" in page.text
        assert f'value="{EMAIL}"' in page.text
        assert 'aria-describedby="problem password-hint"' in page.text
        assert "short" not in page.text


class TestVerify:
    async def test_a_link_alone_confirms_nothing(self, house: House, ada: AccountId) -> None:
        """Opening the link shows a button, so that a mail scanner cannot use the link up."""
        async with house.browser() as browser:
            page = await browser.get("/verify", params={"token": VERIFICATION})

        assert f'value="{VERIFICATION}"' in page.text

    async def test_the_button_confirms(self, house: House, ada: AccountId) -> None:
        """The button confirms the address and leads to the login page, which says so."""
        async with house.browser() as browser:
            page = await browser.post("/verify", data={"token": VERIFICATION}, follow_redirects=True)

        assert page.url.path == "/login"
        assert "Your address is confirmed" in page.text

    async def test_a_used_link(self, house: House) -> None:
        """A link that is over says so and leads on."""
        async with house.browser() as browser:
            page = await browser.post("/verify", data={"token": "old"})

        assert page.status_code == 410
        assert "has been used or has expired" in page.text
        assert "/signup" in page.text


class TestLogIn:
    async def test_keeps_a_session(self, house: House, ada: AccountId) -> None:
        """Whoever logs in goes on where they wanted to, as themselves."""
        form = {"email": EMAIL, "password": PASSWORD, "next": "/uploads"}

        async with house.browser() as browser:
            page = await browser.post("/login", data=form, follow_redirects=True)

        assert page.url.path == "/uploads"
        assert "Log out" in page.text

    async def test_cookies_are_out_of_reach(self, house: House, ada: AccountId) -> None:
        """Scripts cannot read the tokens, and the refresh token goes to one path only."""
        async with house.browser() as browser:
            answer = await browser.post("/login", data={"email": EMAIL, "password": PASSWORD})

        cookies = {line.partition("=")[0]: line for line in answer.headers.get_list("set-cookie")}
        for name in ("vitascope_session", "vitascope_refresh"):
            assert "HttpOnly" in cookies[name]
            assert "SameSite=lax" in cookies[name]
        assert "Path=/session" in cookies["vitascope_refresh"]

    async def test_cookies_are_secure_over_https(self, house: House, ada: AccountId) -> None:
        """Over https the cookies are never sent without it."""
        async with house.browser() as browser:
            answer = await browser.post(
                "https://theatre.example/login", data={"email": EMAIL, "password": PASSWORD}
            )

        assert all("Secure" in line for line in answer.headers.get_list("set-cookie"))

    async def test_wrong_password(self, house: House, ada: AccountId) -> None:
        """A wrong password says what could be wrong, and keeps no cookie."""
        async with house.browser() as browser:
            page = await browser.post("/login", data={"email": EMAIL, "password": "guess guess"})

        assert page.status_code == 401
        assert "not right" in page.text
        assert "set-cookie" not in page.headers

    @pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example"])
    async def test_leads_nowhere_else(self, house: House, ada: AccountId, elsewhere: str) -> None:
        """A login link made by somebody else cannot lead to another site."""
        form = {"email": EMAIL, "password": PASSWORD, "next": elsewhere}

        async with house.browser() as browser:
            answer = await browser.post("/login", data=form)

        assert answer.headers["location"] == "/"

    async def test_other_sites_cannot_log_in(self, house: House, ada: AccountId) -> None:
        """A form on another site's page cannot sign a visitor in, although no cookie is needed for that."""
        async with house.browser() as browser:
            answer = await browser.post(
                "/login",
                data={"email": EMAIL, "password": PASSWORD},
                headers={"sec-fetch-site": "cross-site"},
            )

        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


class TestLogOut:
    async def test_ends_the_session(self, house: House, ada: AccountId) -> None:
        """After logging out neither the browser nor the service knows the session."""
        async with house.browser(ada) as browser:
            page = await browser.post("/session/logout", follow_redirects=True)
            left = dict(browser.cookies)

        assert "Log in" in page.text
        assert left == {}
        assert house.people.refreshable == {}
