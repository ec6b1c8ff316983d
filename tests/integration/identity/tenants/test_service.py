import asyncio

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from vitascope.foundation.context import PLATFORM, AccountId, Context, Principal
from vitascope.foundation.db.database import sqlstate
from vitascope.foundation.db.server.endpoint import Role
from vitascope.foundation.errors import Forbidden, Invalid, PreconditionFailed
from vitascope.foundation.ids import RandomIds
from vitascope.identity.tenants.contracts import BadSetting, NoSuchTenant, Quota, Tenant, TenantExists
from vitascope.identity.tenants.events import TenantChanged, TenantCreated
from vitascope.identity.tenants.service import AuditService, TenantService
from vitascope.runtime.testing import PlatformUnderTest

INSUFFICIENT_PRIVILEGE = "42501"


@pytest.fixture
def operator(home: Tenant) -> Context:
    """The platform, at work for the default tenant."""
    return Context(tenant=home.id, principal=PLATFORM)


@pytest.fixture
def audit(platform: PlatformUnderTest) -> AuditService:
    """The audit log."""
    return platform.container.get(AuditService)


class TestEnsureDefault:
    async def test_once_for_all(self, platform: PlatformUnderTest, tenants: TenantService) -> None:
        """Processes that start at once agree on one default tenant, which is told once."""
        found = await asyncio.gather(*(tenants.ensure_default() for _ in range(8)))

        assert len({one.id for one in found}) == 1
        assert len(await platform.events(TenantCreated)) == 1


class TestOfHost:
    async def test_own_host(self, tenants: TenantService, home: Tenant) -> None:
        """A tenant is found by its host, whatever the port and the letters; all others are the default's."""
        film = await tenants.create(slug="film", name="Film School", hosts=["Film.example.org"])

        found = [
            await tenants.of_host(host=host)
            for host in ("film.example.org:8000", "FILM.example.org.", "other.example.org", "[::1]:8000", "")
        ]

        assert [one.id for one in found] == [film.id, film.id, home.id, home.id, home.id]

    async def test_remembered(
        self, platform: PlatformUnderTest, tenants: TenantService, home: Tenant
    ) -> None:
        """The second request to a host does not ask the database."""
        await tenants.of_host(host="a.example.org")

        with platform.statements() as seen:
            await tenants.of_host(host="a.example.org")

        assert seen.count == 0

    async def test_no_default(self, tenants: TenantService) -> None:
        """Without a default tenant a host that belongs to nobody is not found."""
        with pytest.raises(NoSuchTenant):
            await tenants.of_host(host="nobody.example.org")


class TestCreate:
    @pytest.mark.parametrize(("slug", "hosts"), [("film", []), ("school", ["film.example.org"])])
    async def test_taken(
        self, platform: PlatformUnderTest, tenants: TenantService, slug: str, hosts: list[str]
    ) -> None:
        """A short name and a host belong to one tenant only, and a refused tenant leaves nothing."""
        await tenants.create(slug="film", name="Film", hosts=["film.example.org"])

        with pytest.raises(TenantExists):
            await tenants.create(slug=slug, name="Other", hosts=hosts)

        assert len(await platform.events(TenantCreated)) == 1

    @pytest.mark.parametrize(
        ("slug", "name", "hosts"),
        [("F!", "Film", []), ("film", " ", []), ("film", "Film", ["not a host"]), ("film", "Film", [""])],
    )
    async def test_bad_input(self, tenants: TenantService, slug: str, name: str, hosts: list[str]) -> None:
        """Names and hosts that cannot be are refused."""
        with pytest.raises(Invalid):
            await tenants.create(slug=slug, name=name, hosts=hosts)


class TestChange:
    async def test_settings_join(
        self, platform: PlatformUnderTest, tenants: TenantService, operator: Context
    ) -> None:
        """A changed setting holds at once in this process, and the others stay."""
        await tenants.get(operator)

        await tenants.set_settings(operator, settings={"new_account_role": "editor"})

        assert (await tenants.get(operator)).settings == {"sign_up": "open", "new_account_role": "editor"}
        assert await platform.events(TenantChanged) == [TenantChanged(tenant=operator.tenant)]

    async def test_lost_update(self, tenants: TenantService, operator: Context) -> None:
        """Of two that change what they read, the second is told to read again."""
        seen = (await tenants.current(operator)).version
        await tenants.change(operator, seen=seen, name="First")

        with pytest.raises(PreconditionFailed):
            await tenants.change(operator, seen=seen, name="Second")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("colour", "red"),
            ("sign_up", "maybe"),
            ("new_account_role", "owner"),
            ("public_url", "javascript:x"),
        ],
    )
    async def test_bad_setting(
        self, tenants: TenantService, operator: Context, name: str, value: str
    ) -> None:
        """A setting that is not known, or a value that it cannot have, is refused by name."""
        with pytest.raises(BadSetting) as refused:
            await tenants.set_settings(operator, settings={name: value})

        assert refused.value.field == f"settings.{name}"


class TestQuota:
    async def test_own_share_before_the_usual(self, tenants: TenantService, operator: Context) -> None:
        """A tenant has the usual share until it is given one of its own."""
        usual = await tenants.quota(operator, quota=Quota.ACTIVE_JOBS)
        await tenants.set_quota(operator, quota=Quota.ACTIVE_JOBS, value=3)

        own = await tenants.quota(operator, quota=Quota.ACTIVE_JOBS)

        assert (usual, own) == (50, 3)
        assert (await tenants.quotas(operator))["active_jobs"] == 3

    async def test_not_by_the_tenant_itself(self, tenants: TenantService, home: Tenant) -> None:
        """Not even an owner raises the own tenant's share."""
        principal = Principal(
            account=RandomIds().new(AccountId), permissions=frozenset({"identity.tenant.manage"})
        )

        with pytest.raises(Forbidden):
            await tenants.set_quota(
                Context(tenant=home.id, principal=principal), quota=Quota.ACCOUNTS, value=10**9
            )


class TestAudit:
    async def test_newest_first(self, audit: AuditService, operator: Context) -> None:
        """Entries are read newest first, page by page, and by those who operate only."""
        for number in range(3):
            await audit.record(operator, action="test", subject=str(number), detail={})

        first = await audit.entries(operator, before=None, limit=2)
        rest = await audit.entries(operator, before=first[-1].id, limit=2)

        assert [one.subject for one in [*first, *rest]] == ["2", "1", "0"]

    @pytest.mark.parametrize("role", [Role.APP, Role.SYSTEM, Role.OWNER])
    @pytest.mark.parametrize(
        "statement", ["UPDATE {} SET action = 'nothing'", "DELETE FROM {}", "TRUNCATE {}"]
    )
    async def test_nobody_changes_it(
        self, platform: PlatformUnderTest, audit: AuditService, operator: Context, role: Role, statement: str
    ) -> None:
        """No role of ours, not even the one that owns the table, changes or removes an entry."""
        await audit.record(operator, action="test", subject="x", detail={})
        connection = await asyncpg.connect(platform.endpoint.dsn(role))
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement.format("identity_tenants.audit"))
        finally:
            await connection.close()

        assert len(await audit.entries(operator, before=None, limit=10)) == 1

    async def test_service_cannot_either(self, platform: PlatformUnderTest, operator: Context) -> None:
        """A transaction of a service that tries is refused by the database."""
        with pytest.raises(DBAPIError) as refused:
            async with platform.db.transaction(operator) as tx:
                await tx.connection.exec_driver_sql("DELETE FROM identity_tenants.audit")

        assert sqlstate(refused.value) == INSUFFICIENT_PRIVILEGE

    async def test_other_tenants_see_nothing(
        self, audit: AuditService, tenants: TenantService, operator: Context
    ) -> None:
        """A tenant's operators read that tenant's log only."""
        await audit.record(operator, action="test", subject="x", detail={})
        other = await tenants.create(slug="other", name="Other")

        entries = await audit.entries(Context(tenant=other.id, principal=PLATFORM), before=None, limit=10)

        assert entries == []
