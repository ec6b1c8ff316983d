"""The platform with its default tenant, a clock that tests set, and people."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import Any

import httpx
import pytest

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import PLATFORM, Context, Principal
from vitascope.foundation.db.server.endpoint import Endpoint
from vitascope.foundation.resilience.limits import RateLimiter
from vitascope.foundation.testing.clock import ManualClock
from vitascope.identity.auth.module import module as auth_module
from vitascope.identity.tenants.contracts import Tenant
from vitascope.identity.tenants.module import module as tenants_module
from vitascope.identity.tenants.service import TenantService
from vitascope.identity.users.contracts import Account, Role, permissions_of
from vitascope.identity.users.module import module as users_module
from vitascope.identity.users.service.accounts import AccountService
from vitascope.runtime.settings import Settings
from vitascope.runtime.testing import PlatformUnderTest

PASSWORD = "correct horse battery"


@pytest.fixture
async def platform(endpoint: Endpoint, settings: Settings) -> AsyncIterator[PlatformUnderTest]:
    """Identity alone: it needs no other service."""
    under_test = PlatformUnderTest(
        settings=settings, endpoint=endpoint, modules=(tenants_module, users_module, auth_module)
    )
    yield under_test
    await under_test.close()


@pytest.fixture
def clock(platform: PlatformUnderTest) -> ManualClock:
    """Noon of the day on which the first film was shown; asked for before any service is made."""
    manual = ManualClock(datetime(2026, 4, 23, 12, tzinfo=UTC))
    platform.container.put(Clock, manual)
    platform.container.put(RateLimiter, RateLimiter(clock=manual))
    return manual


@pytest.fixture
async def home(platform: PlatformUnderTest, clock: ManualClock) -> Tenant:
    """The tenant of every host."""
    return await platform.container.get(TenantService).ensure_default()


@pytest.fixture
def visitor(home: Tenant) -> Context:
    """Somebody who has not signed in."""
    return Context(tenant=home.id)


@pytest.fixture
def tenants(platform: PlatformUnderTest, clock: ManualClock) -> TenantService:
    """The directory."""
    return platform.container.get(TenantService)


@pytest.fixture
def accounts(platform: PlatformUnderTest, clock: ManualClock) -> AccountService:
    """The accounts."""
    return platform.container.get(AccountService)


@pytest.fixture
def person(accounts: AccountService, visitor: Context) -> Callable[..., Awaitable[Account]]:
    """Makes an account with an address and a role, by default a viewer's."""

    async def make(email: str, role: Role = Role.VIEWER, ctx: Context | None = None) -> Account:
        asked_by = Context(tenant=(ctx or visitor).tenant, principal=PLATFORM)
        return await accounts.create(asked_by, email=email, password=PASSWORD, name="Ada", role=role)

    return make


@pytest.fixture
def context_of(visitor: Context) -> Callable[[Account], Context]:
    """The context of an account that signed in."""

    def make(account: Account) -> Context:
        principal = Principal(account=account.id, permissions=frozenset(permissions_of(account.role)))
        return Context(tenant=visitor.tenant, principal=principal)

    return make


@pytest.fixture
def letters(settings: Settings) -> Callable[[], Sequence[Any]]:
    """The mails that were sent so far, oldest first."""

    def read() -> Sequence[Any]:
        files = sorted(settings.data.rglob("*.eml"))
        return [message_from_bytes(file.read_bytes(), policy=default) for file in files]

    return read


@pytest.fixture
def signed_in(platform: PlatformUnderTest) -> Callable[[str], Awaitable[httpx.AsyncClient]]:
    """Gives a client of the account with this address, signed in over HTTP."""

    async def make(email: str) -> httpx.AsyncClient:
        async with platform.client() as client:
            answer = await client.post("/api/v1/auth/sign-in", json={"email": email, "password": PASSWORD})
        assert answer.status_code == httpx.codes.OK, answer.text
        return platform.client(token=answer.json()["access_token"])

    return make
