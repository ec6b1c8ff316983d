"""What the catalog hears."""

from vitascope.foundation.db.database import Transaction
from vitascope.foundation.events.handlers import on
from vitascope.foundation.wiring import Provided
from vitascope.transcoding.jobs.events import JobCancelled, JobCompleted, JobFailed, JobPlayable, JobStarted
from vitascope.video.catalog.service.films import FilmService
from vitascope.video.upload.events import UploadCompleted


@on(UploadCompleted)
async def draft(tx: Transaction, event: UploadCompleted, films: Provided[FilmService]) -> None:
    """A whole file becomes a title, and a job."""
    await films.draft(tx, upload=event)


@on(JobStarted)
async def start(tx: Transaction, event: JobStarted, films: Provided[FilmService]) -> None:
    """A retried job makes its title processing again."""
    await films.start(tx, event=event)


@on(JobPlayable)
async def show(tx: Transaction, event: JobPlayable, films: Provided[FilmService]) -> None:
    """A film that plays already makes its title ready, while its job goes on."""
    await films.complete(tx, event=event)


@on(JobCompleted)
async def complete(tx: Transaction, event: JobCompleted, films: Provided[FilmService]) -> None:
    """A completed job makes its title ready."""
    await films.complete(tx, event=event)


@on(JobFailed)
async def fail(tx: Transaction, event: JobFailed, films: Provided[FilmService]) -> None:
    """A failed job makes its title failed."""
    await films.fail(tx, event=event)


@on(JobCancelled)
async def cancel(tx: Transaction, event: JobCancelled, films: Provided[FilmService]) -> None:
    """So does a cancelled one."""
    await films.cancel(tx, event=event)
