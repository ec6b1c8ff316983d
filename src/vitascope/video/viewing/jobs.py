"""Durable work of viewing."""

from datetime import datetime

from vitascope.foundation.wiring import Provided
from vitascope.foundation.workflows.declaration import Run, scheduled
from vitascope.video.viewing.service.counting import ViewService


@scheduled("video.viewing.forget", cron="23 * * * *")
async def forget(run: Run, _fired_at: datetime, views: Provided[ViewService]) -> None:
    """Delete what no count needs any more."""

    async def delete() -> None:
        await views.forget()

    await run.step("delete", delete)
