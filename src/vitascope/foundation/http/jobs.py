"""Housekeeping of what HTTP keeps."""

from datetime import datetime

from vitascope.foundation.http.idempotency import IdempotencyKeys
from vitascope.foundation.wiring import Provided
from vitascope.foundation.workflows.declaration import Run, scheduled


@scheduled("foundation.http.forget_answers", cron="41 * * * *")
async def forget_answers(_run: Run, _fired_at: datetime, keys: Provided[IdempotencyKeys]) -> None:
    """Forget answers under idempotency keys whose day is over."""
    await keys.collect()
