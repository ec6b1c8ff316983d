"""Durable work of streaming."""

from datetime import datetime

from vitascope.foundation.wiring import Provided
from vitascope.foundation.workflows.declaration import Run, scheduled
from vitascope.video.streaming.service.playback import StreamingService


@scheduled("video.streaming.forget", cron="41 * * * *")
async def forget(run: Run, _fired_at: datetime, streaming: Provided[StreamingService]) -> None:
    """Delete sessions that ended long ago."""

    async def delete() -> int:
        return await streaming.forget()

    await run.step("delete", delete)
