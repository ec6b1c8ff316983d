from collections.abc import Awaitable, Callable
from http import HTTPStatus

import httpx
import pytest

from vitascope.foundation.context import PLATFORM, Context
from vitascope.foundation.testing.problems import is_problem
from vitascope.identity.tenants.contracts import Tenant
from vitascope.identity.tenants.service import AuditService, TenantService
from vitascope.identity.users.contracts import Account, Role
from vitascope.runtime.testing import PlatformUnderTest

TENANT = "/api/v1/tenant"

People = Callable[..., Awaitable[Account]]
SignedIn = Callable[[str], Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def owner(person: People, signed_in: SignedIn) -> httpx.AsyncClient:
    """An owner's client."""
    await person("owner@example.org", Role.OWNER)
    return await signed_in("owner@example.org")


class TestTenant:
    async def test_read_and_change(
        self, platform: PlatformUnderTest, owner: httpx.AsyncClient, home: Tenant
    ) -> None:
        """An owner reads the tenant, changes it with its tag, and cannot do so with a stale tag."""
        async with owner:
            with platform.statements() as reading:
                shown = await owner.get(TENANT)
            tag = {"if-match": shown.headers["etag"]}
            with platform.statements() as writing:
                changed = await owner.patch(
                    TENANT, json={"name": "Studio", "settings": {"sign_up": "closed"}}, headers=tag
                )
            stale = await owner.patch(TENANT, json={"name": "Late"}, headers=tag)

        assert shown.json()["id"] == home.id
        assert (changed.json()["name"], changed.json()["settings"]) == ("Studio", {"sign_up": "closed"})
        assert is_problem(stale, HTTPStatus.PRECONDITION_FAILED)
        assert (reading.count, writing.count) == (1, 4)

    async def test_refused(self, platform: PlatformUnderTest, person: People, signed_in: SignedIn) -> None:
        """Visitors sign in first, and an operator is no owner."""
        await person("op@example.org", Role.OPERATOR)

        async with platform.client() as visitor, await signed_in("op@example.org") as operator:
            unsigned = [
                await visitor.get(TENANT),
                await visitor.patch(TENANT, json={"name": "Mine"}),
                await visitor.get(f"{TENANT}/quotas"),
                await visitor.get(f"{TENANT}/audit"),
            ]
            poor = [
                await operator.get(TENANT),
                await operator.patch(TENANT, json={"name": "Mine"}),
                await operator.get(f"{TENANT}/quotas"),
            ]

        assert all(is_problem(one, HTTPStatus.UNAUTHORIZED) for one in unsigned)
        assert all(is_problem(one, HTTPStatus.FORBIDDEN) for one in poor)

    async def test_bad_input(self, owner: httpx.AsyncClient) -> None:
        """A setting that is not known, an empty name and an unknown field are named."""
        async with owner:
            answers = [
                await owner.patch(TENANT, json={"settings": {"colour": "red"}}),
                await owner.patch(TENANT, json={"name": ""}),
                await owner.patch(TENANT, json={"slug": "mine"}),
            ]

        fields = ["settings.colour", "name", "slug"]
        assert all(
            is_problem(answer, HTTPStatus.UNPROCESSABLE_ENTITY, field=field)
            for answer, field in zip(answers, fields, strict=True)
        )

    async def test_other_tenants_owner(
        self, platform: PlatformUnderTest, owner: httpx.AsyncClient, tenants: TenantService, home: Tenant
    ) -> None:
        """A token of this tenant changes nothing on another tenant's host."""
        other = await tenants.create(slug="other", name="Other", hosts=["other.example.org"])

        async with owner:
            answer = await owner.patch(TENANT, json={"name": "Mine"}, headers={"host": "other.example.org"})

        assert is_problem(answer, HTTPStatus.UNAUTHORIZED)
        assert (await tenants.current(Context(tenant=other.id))).name == "Other"


class TestQuotas:
    async def test_all(self, platform: PlatformUnderTest, owner: httpx.AsyncClient) -> None:
        """An owner reads every share, at one statement."""
        async with owner:
            with platform.statements() as seen:
                quotas = (await owner.get(f"{TENANT}/quotas")).json()

        assert set(quotas) == {"storage_bytes", "open_uploads", "active_jobs", "accounts"}
        assert seen.count == 1


class TestAudit:
    async def test_operators_read_pages(
        self, platform: PlatformUnderTest, person: People, signed_in: SignedIn, home: Tenant
    ) -> None:
        """An operator reads what was done, newest first, at one statement a page."""
        await person("op@example.org", Role.OPERATOR)
        audit = platform.container.get(AuditService)
        ctx = Context(tenant=home.id, principal=PLATFORM)

        async with await signed_in("op@example.org") as operator:
            for number in range(3):
                await audit.record(ctx, action="test", subject=str(number), detail={"k": "v"})
            first = (await operator.get(f"{TENANT}/audit", params={"limit": 2})).json()
            with platform.statements() as seen:
                second = (
                    await operator.get(f"{TENANT}/audit", params={"limit": 2, "cursor": first["next"]})
                ).json()

        assert [one["subject"] for one in first["items"]] == ["2", "1"]
        assert [one["action"] for one in second["items"]] == ["test", "session.start"]
        assert seen.count == 1

    async def test_refused(self, platform: PlatformUnderTest, person: People, signed_in: SignedIn) -> None:
        """An editor does not read it; a cursor that is none is named."""
        await person("ed@example.org", Role.EDITOR)
        await person("op@example.org", Role.OPERATOR)

        async with await signed_in("ed@example.org") as editor, await signed_in("op@example.org") as operator:
            poor = await editor.get(f"{TENANT}/audit")
            wrong = await operator.get(f"{TENANT}/audit", params={"cursor": "x"})

        assert is_problem(poor, HTTPStatus.FORBIDDEN)
        assert is_problem(wrong, HTTPStatus.UNPROCESSABLE_ENTITY, field="cursor")
