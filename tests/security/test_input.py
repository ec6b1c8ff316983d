"""What hostile people type: each is refused with a reason, and breaks nothing."""

import base64
from http import HTTPStatus
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.security.conftest import House

from vitascope.identity.users.contracts import Role
from vitascope.runtime.testing import PlatformUnderTest

API = "/api/v1"
JSON = {"content-type": "application/json"}
_ANY = UUID("01890000-0000-7000-8000-000000000000")
REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.GONE, HTTPStatus.UNPROCESSABLE_ENTITY)


def cursor(order: str, *key: Any) -> str:
    """A cursor as a client could forge it."""
    return base64.urlsafe_b64encode(msgspec.json.encode((order, key))).rstrip(b"=").decode()


class TestText:
    @pytest.mark.parametrize(
        ("method", "path", "said"),
        [
            ("GET", f"{API}/titles?q=%00", {}),
            ("GET", f"{API}/titles?tag=a%00", {}),
            ("POST", f"{API}/auth/verify", {"content": rb'{"token":"\ud800"}', "headers": JSON}),
            ("POST", f"{API}/auth/api-keys", {"json": {"name": "a\0b", "permissions": ["video.upload"]}}),
            (
                "POST",
                f"{API}/auth/api-keys",
                {
                    "json": {
                        "name": "late",
                        "permissions": ["video.upload"],
                        "expires_at": "9999-12-31T23:59:59-23:59",
                    }
                },
            ),
            (
                "GET",
                f"{API}/titles?cursor={cursor('titles.published', '0001-01-01T00:00:00+23:59', _ANY)}",
                {},
            ),
            ("GET", f"{API}/titles?cursor={base64.urlsafe_b64encode(b'[' * 700).decode()}", {}),
            ("POST", f"{API}/auth/sign-in", {"content": b"[" * 900_000, "headers": JSON}),
        ],
    )
    async def test_is_refused(
        self, platform: PlatformUnderTest, home: House, method: str, path: str, said: dict[str, Any]
    ) -> None:
        """Text that no database holds, instants that no calendar has and deep JSON are the client's fault."""
        headers = {**home.headers(Role.OWNER), **said.pop("headers", {})}
        async with platform.client() as http:
            answer = await http.request(method, path, headers=headers, **said)

        assert answer.status_code in REFUSED, answer.text


class TestAddressesToComeBackTo:
    @pytest.mark.parametrize(
        "address",
        ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example"],
    )
    async def test_stay_here(self, platform: PlatformUnderTest, home: House, address: str) -> None:
        """Nobody is led to another site after signing in or renewing a session."""
        email = home.people[Role.VIEWER].email
        form = {"email": email, "password": "correct horse battery", "next": address}
        async with platform.client() as http:
            login = await http.post("/login", data=form)
            renewed = await http.get("/session/refresh", params={"next": address})

        assert (login.headers["location"], renewed.headers["location"]) == ("/", "/")


class TestOtherSites:
    @pytest.mark.parametrize(
        "mark",
        [
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"origin": "https://evil.example"},
            {"origin": "null"},
        ],
    )
    @pytest.mark.parametrize("path", ["/titles/{title}/remove", API + "/titles/{title}/publish", "/login"])
    async def test_change_nothing(
        self, platform: PlatformUnderTest, home: House, path: str, mark: dict[str, str]
    ) -> None:
        """A page of another site cannot use the cookie of somebody who is signed in here."""
        cookie = f"vitascope_session={home.tokens[Role.OWNER].access_token}"
        async with platform.client() as http:
            answer = await http.post(path.format(title=home.shown.id), headers={"cookie": cookie, **mark})

        assert answer.status_code == HTTPStatus.FORBIDDEN


class TestUploadedNames:
    async def test_are_text_on_pages(self, platform: PlatformUnderTest, home: House) -> None:
        """A film named like a script is a name on every page, never a script."""
        name = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
        headers = home.headers(Role.OWNER)
        async with platform.client() as http:
            await http.patch(f"{API}/titles/{home.shown.id}", json={"name": name}, headers=headers)
            pages = [
                await http.get(path, headers={**headers, "accept": "text/html"})
                for path in ("/", "/uploads", f"/titles/{home.shown.id}", f"/titles/{home.shown.id}/edit")
            ]

        for page in pages:
            assert page.status_code == HTTPStatus.OK
            assert "&lt;script&gt;alert(1)" in page.text
            assert "<script>alert" not in page.text
            assert "<img src=x" not in page.text

    async def test_no_picture_is_a_script(self, platform: PlatformUnderTest, home: House) -> None:
        """An SVG file, which can hold scripts, is no picture here, whatever it says it is."""
        body = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
        headers = {**home.headers(Role.OWNER), "content-type": "image/png"}
        async with platform.client() as http:
            answer = await http.put(f"{API}/titles/{home.shown.id}/artwork", content=body, headers=headers)

        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


class TestHeaders:
    async def test_every_answer_is_guarded(self, platform: PlatformUnderTest, home: House) -> None:
        """Every page and answer forbids inline scripts, frames and guesses at its type."""
        paths = ("/", "/login", "/signup", "/verify?token=x", "/no", f"{API}/titles", f"{API}/no", "/livez")
        async with platform.client() as http:
            answers = [await http.get(path, headers={"accept": "text/html"}) for path in paths]

        for answer in answers:
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"

    async def test_private_answers_are_not_kept(self, platform: PlatformUnderTest, home: House) -> None:
        """No cache on the way or in the browser gives somebody's answer to somebody else."""
        paths = ("/auth/me", "/accounts", "/tenant", "/jobs", "/titles/mine", "/nowhere")
        async with platform.client() as http:
            answers = [await http.get(API + path, headers=home.headers(Role.OWNER)) for path in paths]

        assert {one.headers["cache-control"] for one in answers} <= {"no-store", "private, no-cache"}
