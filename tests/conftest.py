"""What tests share: a database for each, and the platform on it."""

import os
import shutil
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.db.database import Database
from vitascope.foundation.db.migrations import upgrade
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.testing.postgres import Databases, databases
from vitascope.foundation.workflows.engine import prepare
from vitascope.identity.users.contracts import Permission
from vitascope.runtime.registry import MODULES, histories
from vitascope.runtime.settings import Settings, settings_type
from vitascope.runtime.testing import KnownContexts, PlatformUnderTest

# the default shows every local variable of every frame: slow, and more than a log may say
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(),
    ]
)

# A busy machine is no failure, however long an example takes; a failure prints what repeats it.
hypothesis.settings.register_profile(
    "busy", deadline=None, print_blob=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")

_PROGRAMS = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose part from outside is not here, by name."""
    for mark in item.iter_markers("needs"):
        for part in mark.args:
            if shutil.which(part, path=_PROGRAMS) is None:
                pytest.skip(f"needs {part}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything must be there (CI=true), a missing part is a failure."""
    report = yield
    missing = call.excinfo is not None and str(call.excinfo.value).startswith("needs ")
    if report.skipped and missing and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: {call.excinfo.value if call.excinfo else ''}"
    return report


@pytest.fixture(scope="session")
def postgres() -> Iterator[Databases]:
    """A private PostgreSQL for this session."""
    with databases() as server:
        yield server


@pytest.fixture
def endpoint(postgres: Databases) -> Iterator[Endpoint]:
    """A database of its own for this test, with every schema migrated."""
    template = postgres.template("migrated", _migrate)
    with postgres.database(template=template) as fresh:
        yield fresh


def _migrate(endpoint: Endpoint) -> None:
    upgrade(endpoint.dsn(Role.OWNER, driver="+psycopg"), histories())
    prepare(endpoint.dsn(Role.OWNER))


@pytest.fixture
async def db(endpoint: Endpoint) -> AsyncIterator[Database]:
    """The test's database alone, for tests of what stands below the platform."""
    database = Database(endpoint, clock=SystemClock(), ids=RandomIds())
    yield database
    await database.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The default settings, with a data folder of its own."""
    return settings_type(MODULES)(data=tmp_path / "data")


@pytest.fixture
async def platform(endpoint: Endpoint, settings: Settings) -> AsyncIterator[PlatformUnderTest]:
    """All services in this process."""
    under_test = PlatformUnderTest(settings=settings, endpoint=endpoint, modules=MODULES)
    yield under_test
    await under_test.close()


@pytest.fixture
def tenant() -> TenantId:
    """A new tenant."""
    return RandomIds().new(TenantId)


@pytest.fixture
def ctx(platform: PlatformUnderTest, tenant: TenantId) -> Context:
    """A signed-in account that may do everything."""
    return platform.new_context(*Permission, tenant=tenant)


@pytest.fixture
def stranger(platform: PlatformUnderTest) -> Context:
    """A signed-in account of another tenant that may do everything there."""
    return platform.new_context(*Permission)


@pytest.fixture
def known_contexts(platform: PlatformUnderTest, tenant: TenantId) -> KnownContexts:
    """Sign-in replaced: `platform.client(token=known_contexts.token(ctx))` is a client signed in as `ctx`."""
    return platform.known_contexts(tenant)
