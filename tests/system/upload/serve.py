"""A process that serves uploads over real HTTP, to be killed or to be talked to by a real client.

What it is told is a pickled dictionary on its standard input (see `KillableServer`). Everybody is signed
in as the same account. `forgetful` plants a bug: bytes are acknowledged before they are safe.
"""

import asyncio
import contextlib
import pickle
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn

from vitascope.foundation.context import Context
from vitascope.foundation.http.auth import Authenticator
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.storage.objects import Body, Objects, Stored
from vitascope.foundation.telemetry.logs import configure_logging
from vitascope.identity.tenants.contracts import Quota, Tenant, Tenants
from vitascope.runtime.app import build_app
from vitascope.runtime.assembly import assemble
from vitascope.runtime.settings import settings_type
from vitascope.video.upload.module import module as upload
from vitascope.video.upload.service.settings import UploadSettings

LATE_SECONDS = 2  # in which a kill loses what the planted bug has promised to keep


class OneAccount:
    """Everybody is the same account."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def context(self, *, host: str, credential: str | None, trace: str | None) -> Context:
        """The one context."""
        return self._ctx


class Generous:
    """A directory of tenants with room for everything."""

    async def of_host(self, *, host: str) -> Tenant:
        """Nobody asks here."""
        raise NotImplementedError

    async def get(self, ctx: Context) -> Tenant:
        """Nobody asks here."""
        raise NotImplementedError

    async def quota(self, ctx: Context, *, quota: Quota) -> int:
        """Enough."""
        return 1 << 40


class ForgetfulObjects(LocalObjects):
    """The planted bug: `put` returns at once and writes a moment later, if the process still lives."""

    async def put(self, key: ObjectKey, body: Body) -> Stored:
        """Take the bytes and promise to keep them."""
        assert isinstance(body, AsyncIterator)
        data = b"".join([block async for block in body])
        self._last = asyncio.create_task(self._late(key, data))
        return Stored(key=key, size=len(data), etag="", modified=None)  # type: ignore[arg-type]  # nobody reads it

    async def _late(self, key: ObjectKey, data: bytes) -> None:
        await asyncio.sleep(LATE_SECONDS)
        await super().put(key, data)


def main() -> None:
    """Serve until killed."""
    told: dict[str, Any] = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the test that started us
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(KeyboardInterrupt):
        settings = settings_type((upload,))(data=Path(folder))
        configure_logging(settings.logging)
        container = assemble(settings, endpoint=told["endpoint"], modules=(upload,))
        container.put(Authenticator, OneAccount(told["ctx"]))
        container.put(Tenants, Generous())
        container.put(Objects, (ForgetfulObjects if told["forgetful"] else LocalObjects)(told["objects"]))
        container.put(UploadSettings, told["settings"])
        app = build_app(container, modules=(upload,))
        uvicorn.run(
            app,
            host="127.0.0.1",
            port=told["port"],
            lifespan="off",
            log_level="error",
            timeout_graceful_shutdown=1,
        )


if __name__ == "__main__":
    main()
