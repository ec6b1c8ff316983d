from collections.abc import Awaitable, Callable
from http import HTTPStatus

import httpx
import pytest

from vitascope.foundation.context import PLATFORM, Context
from vitascope.foundation.http.auth import SESSION_COOKIE
from vitascope.foundation.testing.clock import ManualClock
from vitascope.foundation.testing.problems import is_problem
from vitascope.identity.tenants.contracts import Tenant
from vitascope.identity.tenants.service import TenantService
from vitascope.identity.users.contracts import Account, Role
from vitascope.runtime.testing import PlatformUnderTest

ADA = "ada@example.org"
PASSWORD = "correct horse battery"
AUTH = "/api/v1/auth"
KEY = {"name": "nightly", "permissions": ["video.upload"]}

People = Callable[..., Awaitable[Account]]
SignedIn = Callable[[str], Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def ada(person: People) -> Account:
    """An editor."""
    return await person(ADA, Role.EDITOR)


@pytest.fixture
async def elsewhere(person: People, tenants: TenantService, home: Tenant) -> Tenant:
    """Another tenant with its own host, in which Eve is the owner."""
    other = await tenants.create(slug="other", name="Other", hosts=["other.example.org"])
    await person("eve@example.org", Role.OWNER, Context(tenant=other.id, principal=PLATFORM))
    return other


class TestSignIn:
    async def test_tokens(self, platform: PlatformUnderTest, ada: Account) -> None:
        """An address and its password give tokens, which no cache keeps."""
        async with platform.client() as client:
            answer = await client.post(f"{AUTH}/sign-in", json={"email": ADA, "password": PASSWORD})

        assert answer.status_code == HTTPStatus.OK
        assert answer.json()["token_type"] == "Bearer"
        assert answer.headers["cache-control"] == "no-store"

    async def test_same_answer_for_a_known_address(self, platform: PlatformUnderTest, ada: Account) -> None:
        """A wrong password and an unknown address have the same answer, to the byte."""
        async with platform.client() as client:
            answers = [
                await client.post(f"{AUTH}/sign-in", json={"email": email, "password": "something else"})
                for email in (ADA, "nobody@example.org")
            ]

        known, unknown = ({**one.json(), "trace": None} for one in answers)
        assert known == unknown
        assert is_problem(answers[0], HTTPStatus.UNAUTHORIZED)

    async def test_other_tenants_host(
        self, platform: PlatformUnderTest, ada: Account, elsewhere: Tenant
    ) -> None:
        """On another tenant's host one has no account, and a token from here says nothing there."""
        body = {"email": ADA, "password": PASSWORD}

        async with platform.client() as client:
            token = (await client.post(f"{AUTH}/sign-in", json=body)).json()["access_token"]
            there = {"host": "other.example.org"}
            refused = await client.post(f"{AUTH}/sign-in", json=body, headers=there)
            foreign = await client.get(f"{AUTH}/me", headers={**there, "authorization": f"Bearer {token}"})

        assert is_problem(refused, HTTPStatus.UNAUTHORIZED)
        assert is_problem(foreign, HTTPStatus.UNAUTHORIZED)

    @pytest.mark.parametrize(("field", "value"), [("email", None), ("password", 7), ("remember", True)])
    async def test_bad_input(
        self, platform: PlatformUnderTest, home: Tenant, field: str, value: object
    ) -> None:
        """What cannot be is a problem that names its field."""
        async with platform.client() as client:
            answer = await client.post(
                f"{AUTH}/sign-in", json={"email": ADA, "password": PASSWORD, field: value}
            )

        assert is_problem(answer, HTTPStatus.UNPROCESSABLE_ENTITY, field=field)

    async def test_too_often(self, platform: PlatformUnderTest, ada: Account) -> None:
        """Who fails too often is told when to come back."""
        async with platform.client() as client:
            for _ in range(10):
                await client.post(f"{AUTH}/sign-in", json={"email": ADA, "password": "wrong"})
            answer = await client.post(f"{AUTH}/sign-in", json={"email": ADA, "password": PASSWORD})

        assert is_problem(answer, HTTPStatus.TOO_MANY_REQUESTS)
        assert int(answer.headers["retry-after"]) > 0

    async def test_statements(self, platform: PlatformUnderTest, ada: Account) -> None:
        """Signing in costs the account, the audit log, the session, its token and the event."""
        body = {"email": ADA, "password": PASSWORD}

        async with platform.client() as client:
            await client.post(f"{AUTH}/sign-in", json=body)
            with platform.statements() as seen:
                await client.post(f"{AUTH}/sign-in", json=body)

        assert seen.count == 5


class TestRefresh:
    async def test_reuse(self, platform: PlatformUnderTest, ada: Account) -> None:
        """The second use of a refresh token ends the session, over HTTP as anywhere."""
        async with platform.client() as client:
            first = (await client.post(f"{AUTH}/sign-in", json={"email": ADA, "password": PASSWORD})).json()
            stale = {"refresh_token": first["refresh_token"]}
            second = await client.post(f"{AUTH}/refresh", json=stale)
            again = await client.post(f"{AUTH}/refresh", json=stale)
            newest = {"refresh_token": second.json()["refresh_token"]}
            third = await client.post(f"{AUTH}/refresh", json=newest)

        assert second.status_code == HTTPStatus.OK
        assert is_problem(again, HTTPStatus.UNAUTHORIZED)
        assert is_problem(third, HTTPStatus.UNAUTHORIZED)

    async def test_with_a_token_that_is_over(
        self, platform: PlatformUnderTest, ada: Account, signed_in: SignedIn, clock: ManualClock
    ) -> None:
        """Who still sends the access token that ran out refreshes and signs in all the same."""
        async with platform.client() as client:
            body = {"email": ADA, "password": PASSWORD}
            tokens = (await client.post(f"{AUTH}/sign-in", json=body)).json()
            clock.advance(600)
            client.headers["authorization"] = f"Bearer {tokens['access_token']}"
            over = await client.get(f"{AUTH}/me")
            refreshed = await client.post(f"{AUTH}/refresh", json={"refresh_token": tokens["refresh_token"]})
            again = await client.post(f"{AUTH}/sign-in", json=body)

        assert is_problem(over, HTTPStatus.UNAUTHORIZED)
        assert (refreshed.status_code, again.status_code) == (HTTPStatus.OK, HTTPStatus.OK)

    async def test_unknown_and_missing(self, platform: PlatformUnderTest, home: Tenant) -> None:
        """A made-up token is refused; a body without one names what is missing."""
        async with platform.client() as client:
            made_up = await client.post(f"{AUTH}/refresh", json={"refresh_token": "x"})
            missing = await client.post(f"{AUTH}/refresh", json={})

        assert is_problem(made_up, HTTPStatus.UNAUTHORIZED)
        assert is_problem(missing, HTTPStatus.UNPROCESSABLE_ENTITY, field="refresh_token")


class TestSignOut:
    async def test_ends_the_session(self, platform: PlatformUnderTest, ada: Account) -> None:
        """After signing out the session cannot be refreshed; a made-up token changes nothing."""
        async with platform.client() as client:
            tokens = (await client.post(f"{AUTH}/sign-in", json={"email": ADA, "password": PASSWORD})).json()
            body = {"refresh_token": tokens["refresh_token"]}
            out = await client.post(f"{AUTH}/sign-out", json=body)
            after = await client.post(f"{AUTH}/refresh", json=body)
            made_up = await client.post(f"{AUTH}/sign-out", json={"refresh_token": "x"})
            wrong = await client.post(f"{AUTH}/sign-out", json={"token": "x"})

        assert (out.status_code, made_up.status_code) == (HTTPStatus.NO_CONTENT, HTTPStatus.NO_CONTENT)
        assert is_problem(after, HTTPStatus.UNAUTHORIZED)
        assert wrong.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


class TestMe:
    async def test_oneself(self, platform: PlatformUnderTest, ada: Account, signed_in: SignedIn) -> None:
        """One reads who one is and what one may do, at one statement."""
        async with await signed_in(ADA) as client:
            with platform.statements() as seen:
                me = (await client.get(f"{AUTH}/me")).json()

        assert (me["id"], me["email"], me["role"]) == (ada.id, ADA, "editor")
        assert "video.upload" in me["permissions"]
        assert seen.count == 1

    async def test_by_cookie(self, platform: PlatformUnderTest, ada: Account, signed_in: SignedIn) -> None:
        """The access token in the page's cookie is as good as in the header."""
        async with await signed_in(ADA) as client:
            token = client.headers["authorization"].removeprefix("Bearer ")
        async with platform.client() as page:
            me = await page.get(f"{AUTH}/me", headers={"cookie": f"{SESSION_COOKIE}={token}"})

        assert me.json()["id"] == ada.id

    async def test_not_signed_in(self, platform: PlatformUnderTest, home: Tenant) -> None:
        """A visitor, a made-up token and a made-up key are refused, with a challenge."""
        async with platform.client() as client:
            answers = [
                await client.get(f"{AUTH}/me", headers=headers)
                for headers in ({}, {"authorization": "Bearer x.y.z"}, {"authorization": "Bearer vsk_x"})
            ]

        assert all(is_problem(one, HTTPStatus.UNAUTHORIZED) for one in answers)
        assert all(one.headers["www-authenticate"].startswith("Bearer") for one in answers)


class TestApiKeys:
    async def test_life_of_a_key(
        self, platform: PlatformUnderTest, ada: Account, signed_in: SignedIn
    ) -> None:
        """A key is made, shown once, works, is listed without its secret, and is revoked."""
        async with await signed_in(ADA) as client:
            made = await client.post(f"{AUTH}/api-keys", json=KEY)
            secret = made.json()["secret"]
            async with platform.client(token=secret) as program:
                me = await program.get(f"{AUTH}/me")
            listed = await client.get(f"{AUTH}/api-keys")
            gone = await client.delete(f"{AUTH}/api-keys/{made.json()['id']}")
            async with platform.client(token=secret) as program:
                after = await program.get(f"{AUTH}/me")

        assert made.status_code == HTTPStatus.CREATED
        assert me.json()["permissions"] == ["video.upload"]
        assert [one["hint"] for one in listed.json()["items"]] == [secret[-4:]]
        assert secret not in listed.text
        assert gone.status_code == HTTPStatus.NO_CONTENT
        assert is_problem(after, HTTPStatus.UNAUTHORIZED)

    async def test_list_costs_one_statement(
        self, platform: PlatformUnderTest, ada: Account, signed_in: SignedIn
    ) -> None:
        """Listing keys costs one statement however many there are."""
        async with await signed_in(ADA) as client:
            for _ in range(3):
                await client.post(f"{AUTH}/api-keys", json=KEY)
            with platform.statements() as seen:
                await client.get(f"{AUTH}/api-keys")

        assert seen.count == 1

    async def test_refused(
        self, platform: PlatformUnderTest, ada: Account, signed_in: SignedIn, person: People
    ) -> None:
        """Visitors and viewers make no keys; too much, unknown and no permissions are named."""
        await person("bob@example.org")

        async with platform.client() as visitor, await signed_in("bob@example.org") as viewer:
            unsigned = [
                await visitor.post(f"{AUTH}/api-keys", json=KEY),
                await visitor.get(f"{AUTH}/api-keys"),
                await visitor.delete(f"{AUTH}/api-keys/key_01m80nkw23f3tb3359jg9g9kp6"),
            ]
            poor = await viewer.post(f"{AUTH}/api-keys", json=KEY)
        async with await signed_in(ADA) as client:
            much = await client.post(f"{AUTH}/api-keys", json={**KEY, "permissions": ["platform.operate"]})
            wrong = await client.post(f"{AUTH}/api-keys", json={**KEY, "permissions": []})
            naive = await client.post(f"{AUTH}/api-keys", json={**KEY, "expires_at": "2030-01-01T00:00:00"})

        assert all(is_problem(one, HTTPStatus.UNAUTHORIZED) for one in unsigned)
        assert is_problem(poor, HTTPStatus.FORBIDDEN)
        assert is_problem(much, HTTPStatus.FORBIDDEN, field="permissions")
        assert is_problem(wrong, HTTPStatus.UNPROCESSABLE_ENTITY, field="permissions")
        assert is_problem(naive, HTTPStatus.UNPROCESSABLE_ENTITY, field="expires_at")

    async def test_foreign_key(
        self, platform: PlatformUnderTest, ada: Account, signed_in: SignedIn, elsewhere: Tenant
    ) -> None:
        """Another tenant's owner does not find the key."""
        async with await signed_in(ADA) as client:
            key = (await client.post(f"{AUTH}/api-keys", json=KEY)).json()["id"]
        body, there = (
            {"email": "eve@example.org", "password": PASSWORD},
            {"host": "other.example.org"},
        )

        async with platform.client() as client:
            eve = (await client.post(f"{AUTH}/sign-in", json=body, headers=there)).json()["access_token"]
            answer = await client.delete(
                f"{AUTH}/api-keys/{key}", headers={**there, "authorization": f"Bearer {eve}"}
            )

        assert is_problem(answer, HTTPStatus.NOT_FOUND)


class TestAnonymous:
    async def test_unknown_host_without_default(self, platform: PlatformUnderTest, clock: object) -> None:
        """Where no tenant is the default, an unknown host is not found."""
        async with platform.client() as client:
            answer = await client.get(f"{AUTH}/me")

        assert is_problem(answer, HTTPStatus.NOT_FOUND)
