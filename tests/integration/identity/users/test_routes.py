import re
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from vitascope.foundation.context import PLATFORM, AccountId, Context
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.testing.problems import is_problem
from vitascope.identity.tenants.contracts import Tenant
from vitascope.identity.tenants.service import TenantService
from vitascope.identity.users.contracts import Account, Role
from vitascope.runtime.testing import PlatformUnderTest

ADA = "ada@example.org"
PASSWORD = "correct horse battery"
SIGN_UP = "/api/v1/auth/sign-up"
VERIFY = "/api/v1/auth/verify"
ACCOUNTS = "/api/v1/accounts"

People = Callable[..., Awaitable[Account]]
SignedIn = Callable[[str], Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def owner(person: People, signed_in: SignedIn) -> httpx.AsyncClient:
    """An owner's client."""
    await person("owner@example.org", Role.OWNER)
    return await signed_in("owner@example.org")


@pytest.fixture
async def elsewhere(person: People, tenants: TenantService, home: Tenant) -> Account:
    """An account of another tenant."""
    other = await tenants.create(slug="other", name="Other", hosts=["other.example.org"])
    return await person("eve@example.org", Role.OWNER, Context(tenant=other.id, principal=PLATFORM))


class TestSignUp:
    async def test_by_mail(
        self, platform: PlatformUnderTest, home: Tenant, letters: Callable[[], Sequence[Any]]
    ) -> None:
        """A new person signs up, follows the link and signs in, all over HTTP."""
        async with platform.client() as client:
            asked = await client.post(SIGN_UP, json={"email": ADA, "password": PASSWORD, "name": "Ada"})
            await platform.pump()
            link = re.search(r"token=(\S+)", letters()[0].get_content())
            made = await client.post(VERIFY, json={"token": link[1] if link else ""})
            entered = await client.post("/api/v1/auth/sign-in", json={"email": ADA, "password": PASSWORD})

        assert asked.status_code == HTTPStatus.ACCEPTED
        assert made.json()["role"] == "viewer"
        assert entered.status_code == HTTPStatus.OK

    async def test_same_answer_for_a_known_address(self, platform: PlatformUnderTest, person: People) -> None:
        """Status and body do not tell whether an address has an account."""
        await person(ADA)

        async with platform.client() as client:
            answers = [
                await client.post(SIGN_UP, json={"email": email, "password": PASSWORD, "name": "A"})
                for email in (ADA, "nobody@example.org")
            ]

        assert answers[0].status_code == answers[1].status_code
        assert answers[0].content == answers[1].content

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("email", "nobody"),
            ("email", "a@b"),
            ("email", "a b@example.org"),
            ("email", "a@example.org\nBcc: b@example.org"),
            ("password", "short"),
            ("password", "1234567890"),
            ("password", ADA),
            ("name", " "),
            ("name", "\u0000"),
            ("role", "owner"),
        ],
    )
    async def test_bad_input(self, platform: PlatformUnderTest, home: Tenant, field: str, value: str) -> None:
        """What cannot be is a problem that names its field."""
        body = {"email": ADA, "password": PASSWORD, "name": "Ada", field: value}

        async with platform.client() as client:
            answer = await client.post(SIGN_UP, json=body)

        assert is_problem(answer, HTTPStatus.UNPROCESSABLE_ENTITY, field=field)
        assert value not in answer.text or field in {"email", "role", "name"}

    async def test_statements(self, platform: PlatformUnderTest, home: Tenant) -> None:
        """Signing up costs the tenant, the sign-up and its letter."""
        async with platform.client() as client:
            await client.post(SIGN_UP, json={"email": "b@example.org", "password": PASSWORD, "name": "B"})
            with platform.statements() as seen:
                await client.post(SIGN_UP, json={"email": ADA, "password": PASSWORD, "name": "Ada"})

        assert seen.count == 2


class TestVerify:
    async def test_unknown_token(self, platform: PlatformUnderTest, home: Tenant) -> None:
        """A token that nobody was sent is gone, as one that was used."""
        async with platform.client() as client:
            with platform.statements() as seen:
                answer = await client.post(VERIFY, json={"token": "A" * 43})

        assert is_problem(answer, HTTPStatus.GONE)
        assert seen.count == 6  # host, tenant, quota, lock, accounts, sign-ups

    async def test_bad_input(self, platform: PlatformUnderTest, home: Tenant) -> None:
        """A verification without a token names what is missing."""
        async with platform.client() as client:
            answer = await client.post(VERIFY, json={})

        assert is_problem(answer, HTTPStatus.UNPROCESSABLE_ENTITY, field="token")


class TestPage:
    async def test_pages(self, platform: PlatformUnderTest, owner: httpx.AsyncClient, person: People) -> None:
        """An owner reads all accounts page by page, at one statement a page."""
        made = [(await person(f"{number}@example.org")).email for number in range(3)]

        async with owner:
            first = (await owner.get(ACCOUNTS, params={"limit": 2})).json()
            with platform.statements() as seen:
                second = (await owner.get(ACCOUNTS, params={"limit": 2, "cursor": first["next"]})).json()

        assert [one["email"] for one in first["items"] + second["items"]] == ["owner@example.org", *made]
        assert second["next"] is None
        assert seen.count == 1

    async def test_others_of_other_tenants(self, owner: httpx.AsyncClient, elsewhere: Account) -> None:
        """Accounts of another tenant are not there."""
        async with owner:
            listed = (await owner.get(ACCOUNTS)).json()

        assert [one["email"] for one in listed["items"]] == ["owner@example.org"]

    async def test_not_allowed(
        self, platform: PlatformUnderTest, person: People, signed_in: SignedIn
    ) -> None:
        """A visitor must sign in, and an editor may not look."""
        await person(ADA, Role.EDITOR)

        async with platform.client() as visitor, await signed_in(ADA) as editor:
            answers = [await visitor.get(ACCOUNTS), await editor.get(ACCOUNTS)]

        assert is_problem(answers[0], HTTPStatus.UNAUTHORIZED)
        assert is_problem(answers[1], HTTPStatus.FORBIDDEN)

    async def test_bad_cursor(self, owner: httpx.AsyncClient) -> None:
        """A cursor of another list is a problem that names it."""
        async with owner:
            answer = await owner.get(ACCOUNTS, params={"cursor": "WyJ4IixbMV1d"})

        assert is_problem(answer, HTTPStatus.UNPROCESSABLE_ENTITY, field="cursor")


class TestCreate:
    async def test_owner_makes_one(self, owner: httpx.AsyncClient, signed_in: SignedIn) -> None:
        """An account that an owner makes can sign in at once."""
        body = {"email": ADA, "password": PASSWORD, "name": "Ada", "role": "operator"}

        async with owner:
            answer = await owner.post(ACCOUNTS, json=body)
        async with await signed_in(ADA) as ada:
            me = await ada.get("/api/v1/auth/me")

        assert answer.status_code == HTTPStatus.CREATED
        assert me.json()["role"] == "operator"

    async def test_refused(
        self, platform: PlatformUnderTest, owner: httpx.AsyncClient, person: People
    ) -> None:
        """Nobody makes an account without signing in, nor with a taken address or an unknown role."""
        await person(ADA)
        body = {"email": ADA, "password": PASSWORD, "name": "Ada"}

        async with platform.client() as visitor, owner:
            unsigned = await visitor.post(ACCOUNTS, json=body)
            taken = await owner.post(ACCOUNTS, json=body)
            wrong = await owner.post(ACCOUNTS, json={**body, "role": "emperor"})

        assert is_problem(unsigned, HTTPStatus.UNAUTHORIZED)
        assert is_problem(taken, HTTPStatus.CONFLICT, field="email")
        assert is_problem(wrong, HTTPStatus.UNPROCESSABLE_ENTITY, field="role")


class TestShow:
    async def test_oneself(self, platform: PlatformUnderTest, person: People, signed_in: SignedIn) -> None:
        """One reads one's own account, at one statement, and nobody else's."""
        ada, bob = await person(ADA), await person("bob@example.org")

        async with await signed_in(ADA) as client:
            with platform.statements() as seen:
                own = await client.get(f"{ACCOUNTS}/{ada.id}")
            other = await client.get(f"{ACCOUNTS}/{bob.id}")

        assert own.json() == {"id": ada.id, "email": ADA, "name": "Ada", "role": "viewer"}
        assert is_problem(other, HTTPStatus.FORBIDDEN)
        assert seen.count == 1

    async def test_foreign(
        self, platform: PlatformUnderTest, owner: httpx.AsyncClient, elsewhere: Account
    ) -> None:
        """An account of another tenant does not exist here, and a visitor must sign in."""
        async with owner, platform.client() as visitor:
            foreign = await owner.get(f"{ACCOUNTS}/{elsewhere.id}")
            unsigned = await visitor.get(f"{ACCOUNTS}/{elsewhere.id}")
            wrong = await owner.get(f"{ACCOUNTS}/acc_1")

        assert is_problem(foreign, HTTPStatus.NOT_FOUND)
        assert is_problem(unsigned, HTTPStatus.UNAUTHORIZED)
        assert is_problem(wrong, HTTPStatus.UNPROCESSABLE_ENTITY, field="account")


class TestSetRole:
    async def test_owner_promotes(
        self, platform: PlatformUnderTest, owner: httpx.AsyncClient, person: People
    ) -> None:
        """A promotion holds, at a number of statements that does not grow."""
        ada = await person(ADA)

        async with owner:
            with platform.statements() as seen:
                answer = await owner.put(f"{ACCOUNTS}/{ada.id}/role", json={"role": "editor"})

        assert answer.json()["role"] == "editor"
        assert seen.count == 5  # the account, the audit log, the owners, the change, the event

    async def test_refused(
        self, platform: PlatformUnderTest, owner: httpx.AsyncClient, elsewhere: Account
    ) -> None:
        """A foreign account is not found, a visitor signs in first, an unknown role is named."""
        path = f"{ACCOUNTS}/{elsewhere.id}/role"

        async with owner, platform.client() as visitor:
            foreign = await owner.put(path, json={"role": "editor"})
            unsigned = await visitor.put(path, json={"role": "editor"})
            wrong = await owner.put(f"{ACCOUNTS}/{RandomIds().new(AccountId)}/role", json={"role": "emperor"})

        assert is_problem(foreign, HTTPStatus.NOT_FOUND)
        assert is_problem(unsigned, HTTPStatus.UNAUTHORIZED)
        assert is_problem(wrong, HTTPStatus.UNPROCESSABLE_ENTITY, field="role")
