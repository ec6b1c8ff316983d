"""Durable work of uploads."""

from datetime import datetime

from vitascope.foundation.wiring import Provided
from vitascope.foundation.workflows.declaration import Run, durable, scheduled
from vitascope.video.upload.service.finishing import Finisher
from vitascope.video.upload.service.work import ASSEMBLE, CLEAR, Assembly, Leftovers


@durable(ASSEMBLE.name)
async def assemble(run: Run, assembly: Assembly, finisher: Provided[Finisher]) -> None:
    """Make one object of an upload's pieces, and tell it."""

    async def compose() -> None:
        await finisher.compose(run.ctx, upload=assembly.upload)

    async def complete() -> None:
        await finisher.complete(run.ctx, upload=assembly.upload)

    await run.step("compose", compose)
    await run.step("complete", complete)


@durable(CLEAR.name)
async def clear(run: Run, leftovers: Leftovers, finisher: Provided[Finisher]) -> None:
    """Remove the bytes of uploads that are gone."""

    async def clear_prefixes() -> None:
        await finisher.clear(prefixes=leftovers.prefixes)

    await run.step("clear", clear_prefixes)


@scheduled("video.upload.tidy", cron="*/5 * * * *")
async def tidy(run: Run, _fired_at: datetime, finisher: Provided[Finisher]) -> None:
    """Give up expired uploads, and finish those whose assembly failed."""

    async def expire() -> None:
        await finisher.expire()

    async def finish_stuck() -> None:
        await finisher.finish_stuck()

    await run.step("expire", expire)
    await run.step("finish stuck", finish_stuck)
