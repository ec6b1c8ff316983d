"""Uploads in this process, and the same behind real HTTP."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.system.upload.server import KillableServer

from vitascope.foundation.context import Context
from vitascope.foundation.db.server.endpoint import Endpoint
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.storage.objects import Objects
from vitascope.runtime.settings import Settings
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.video.upload.module import module as upload
from vitascope.video.upload.service.settings import UploadSettings

SETTINGS = UploadSettings(part_bytes=65_536, flush_seconds=0.2, idle_seconds=5, lease_seconds=2)


@pytest.fixture
async def platform(endpoint: Endpoint, settings: Settings) -> AsyncIterator[PlatformUnderTest]:
    """Uploads alone: what others make of a whole file is their tests' matter."""
    under_test = PlatformUnderTest(settings=settings, endpoint=endpoint, modules=(upload,))
    yield under_test
    await under_test.close()


@pytest.fixture
def objects(platform: PlatformUnderTest, tmp_path: Path) -> LocalObjects:
    """The folder that the server and this process share."""
    store = LocalObjects(tmp_path / "objects")
    platform.container.put(Objects, store)
    return store


@pytest.fixture
def server(platform: PlatformUnderTest, ctx: Context, objects: LocalObjects) -> Iterator[KillableServer]:
    """A server that is not started yet; killed at the end."""
    server = KillableServer(endpoint=platform.endpoint, ctx=ctx, objects=objects._folder, settings=SETTINGS)
    yield server
    server.kill()
