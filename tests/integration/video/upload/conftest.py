"""Uploads on a real database and a local folder; the tenant's quotas are set by the test."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context
from vitascope.foundation.db.server.endpoint import Endpoint
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.storage.objects import Objects
from vitascope.identity.tenants.contracts import Quota, Tenant, Tenants
from vitascope.runtime.settings import Settings
from vitascope.runtime.testing import KnownContexts, PlatformUnderTest
from vitascope.video.upload.module import module as upload
from vitascope.video.upload.service.settings import UploadSettings


class FixedTenants:
    """A directory whose quotas are those of a dictionary."""

    def __init__(self, quotas: dict[Quota, int]) -> None:
        self._quotas = quotas

    async def of_host(self, *, host: str) -> Tenant:
        """Nobody asks here."""
        raise NotImplementedError

    async def get(self, ctx: Context) -> Tenant:
        """Nobody asks here."""
        raise NotImplementedError

    async def quota(self, ctx: Context, *, quota: Quota) -> int:
        """The dictionary's number."""
        return self._quotas[quota]


@pytest.fixture
async def platform(endpoint: Endpoint, settings: Settings) -> AsyncIterator[PlatformUnderTest]:
    """Uploads alone: what others make of a whole file is their tests' matter."""
    under_test = PlatformUnderTest(settings=settings, endpoint=endpoint, modules=(upload,))
    yield under_test
    await under_test.close()


class MovedClock:
    """The machine's clock, moved on by the test."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        """The moved instant."""
        return datetime.now(UTC) + self.ahead


@pytest.fixture(autouse=True)
def clock(platform: PlatformUnderTest) -> MovedClock:
    """The clock of all services, which a test may move on."""
    clock = MovedClock()
    platform.container.put(Clock, clock)
    return clock


@pytest.fixture(autouse=True)
def objects(platform: PlatformUnderTest, tmp_path: Path) -> LocalObjects:
    """The object store, in a folder of this test."""
    store = LocalObjects(tmp_path / "objects")
    platform.container.put(Objects, store)
    return store


@pytest.fixture(autouse=True)
def quotas(platform: PlatformUnderTest) -> dict[Quota, int]:
    """The tenant's quotas, which a test may change."""
    quotas = {Quota.STORAGE_BYTES: 1 << 30, Quota.OPEN_UPLOADS: 20}
    platform.container.put(Tenants, FixedTenants(quotas))
    return quotas


@pytest.fixture(autouse=True)
def limits(platform: PlatformUnderTest) -> UploadSettings:
    """Small parts and short waits, so that a few kilobytes show what gigabytes do."""
    settings = UploadSettings(
        max_bytes=1 << 22, part_bytes=4096, flush_seconds=0.2, idle_seconds=60, lease_seconds=30
    )
    platform.container.put(UploadSettings, settings)
    return settings


@pytest.fixture
async def client(
    platform: PlatformUnderTest, known_contexts: KnownContexts, ctx: Context
) -> AsyncIterator[httpx.AsyncClient]:
    """A client signed in as `ctx` that speaks tus."""
    async with platform.client(token=known_contexts.token(ctx)) as client:
        client.headers["Tus-Resumable"] = "1.0.0"
        yield client


@pytest.fixture
async def strange_client(
    platform: PlatformUnderTest, known_contexts: KnownContexts, stranger: Context
) -> AsyncIterator[httpx.AsyncClient]:
    """A client signed in as somebody of another tenant."""
    async with platform.client(token=known_contexts.token(stranger)) as client:
        client.headers["Tus-Resumable"] = "1.0.0"
        yield client


@pytest.fixture
async def anonymous_client(
    platform: PlatformUnderTest, known_contexts: KnownContexts
) -> AsyncIterator[httpx.AsyncClient]:
    """A client that is not signed in."""
    async with platform.client() as client:
        client.headers["Tus-Resumable"] = "1.0.0"
        yield client
