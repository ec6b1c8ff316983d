"""Durable work of sign-in."""

from datetime import datetime

from vitascope.foundation.wiring import Provided
from vitascope.foundation.workflows.declaration import Run, scheduled
from vitascope.identity.auth.service.keyring import KeyRing
from vitascope.identity.auth.service.sessions import SessionJanitor


@scheduled("identity.auth.rotate_keys", cron="7 * * * *")
async def rotate_keys(run: Run, fired_at: datetime, keys: Provided[KeyRing]) -> None:  # noqa: ARG001 - the clock's instant decides
    """Publish the next signing key in time, and drop what verifies no more."""
    await run.step("rotate", keys.rotate)


@scheduled("identity.auth.forget_sessions", cron="37 3 * * *")
async def forget_sessions(run: Run, fired_at: datetime, janitor: Provided[SessionJanitor]) -> None:
    """Drop sessions that are long over."""
    await run.step("forget", janitor.forget_ended, fired_at)
