"""The engine's own housekeeping."""

from datetime import datetime, timedelta

from vitascope.foundation.wiring import Provided
from vitascope.foundation.workflows.declaration import Run, scheduled
from vitascope.foundation.workflows.engine import Workflows

KEPT = timedelta(days=30)
"""How long finished work can still be looked at."""


@scheduled("foundation.workflows.collect", cron="23 3 * * *")
async def collect(_run: Run, fired_at: datetime, workflows: Provided[Workflows]) -> None:
    """Forget work that ended long ago: DBOS itself never does."""
    await workflows.collect(before=fired_at - KEPT)
