"""Durable work of the catalog."""

from vitascope.foundation.wiring import Provided
from vitascope.foundation.workflows.declaration import Run, durable
from vitascope.transcoding.jobs.contracts import JobId
from vitascope.video.catalog.service.films import INGEST, FilmService, Ingest
from vitascope.video.catalog.service.titles import ERASE, Remains


@durable(INGEST.name)
async def ingest(run: Run, wanted: Ingest, films: Provided[FilmService]) -> None:
    """Submit the job of an uploaded master, and note it on its title."""

    async def submit() -> JobId:
        return await films.submit(run.ctx, wanted=wanted)

    async def attach(job: JobId) -> None:
        await films.attach(run.ctx, title=wanted.title, job=job)

    await run.step("attach", attach, await run.step("submit", submit))


@durable(ERASE.name)
async def erase(run: Run, remains: Remains, films: Provided[FilmService]) -> None:
    """Delete what a removed title or picture leaves behind."""

    async def delete() -> None:
        await films.erase(run.ctx, remains=remains)

    await run.step("delete", delete)
