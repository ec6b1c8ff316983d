"""The first showing: a film that plays as it is plays from a copy, long before its rungs are encoded."""

from dataclasses import dataclass
from pathlib import Path

import structlog
from msgspec import Struct

from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database, retried
from vitascope.foundation.errors import Invalid
from vitascope.transcoding.jobs.events import JobPlayable
from vitascope.transcoding.jobs.repository import jobs as repository
from vitascope.transcoding.jobs.service.work import Attempt
from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.outcome import StageTime
from vitascope.transcoding.pipeline.protection import Protection
from vitascope.transcoding.pipeline.run import Pipeline

_log = structlog.get_logger(__name__)


class Copied(Struct, frozen=True, kw_only=True):
    """A checked set on this machine."""

    folder: Path
    drawn: Path
    duration: float
    width: int
    height: int


def copy(
    pipeline: Pipeline, film: Film, *, work: Path, protection: Protection | None
) -> tuple[Copied | None, StageTime]:
    """Copy, package and check; None if the source does not play as it is, which the check may find.

    A protected film is protected from its first showing on; where its own size has no key, there is none.
    """
    try:
        encoded, copied = pipeline.first(film, work=work)
        if encoded is None:
            return None, copied
        packaged, packed = pipeline.package(encoded, work=work, protection=protection)
        pipeline.verify(packaged, encoded, protection=protection)
        drawn, drew = pipeline.poster(encoded, work=work)
    except (SetInvalid, Invalid) as unfit:
        _log.info("a film does not play as it is, and waits for its rungs", reason=unfit.detail)
        return None, StageTime(wall=0.0, cpu=0.0)
    rung = encoded.video[0].rung
    made = Copied(
        folder=packaged.folder, drawn=drawn, duration=encoded.duration, width=rung.width, height=rung.height
    )
    took = (copied, packed, drew)
    return made, StageTime(wall=sum(one.wall for one in took), cpu=sum(one.cpu for one in took))


@dataclass(frozen=True, kw_only=True)
class FirstShowing:
    """Tells that an attempt's film plays."""

    db: Database
    ctx: Context
    attempt: Attempt

    async def is_on(self) -> bool:
        """Whether the film plays already, as after a crash it may."""
        async with self.db.read(self.ctx) as reader:
            return await repository.first_output(reader, job=self.attempt.job) is not None

    @retried
    async def begin(self, copied: Copied, *, prefix: str) -> None:
        """The film plays from this prefix, unless its job was cancelled meanwhile."""
        async with self.db.transaction(self.ctx) as tx:
            job = await repository.lock(tx, job=self.attempt.job, owner=None)
            if job is None or job.attempt != self.attempt.number or job.state not in repository.ACTIVE:
                return
            await repository.show_first(tx, job=job.id, prefix=prefix)
            told = JobPlayable(
                job=job.id,
                source=job.source,
                output=prefix,
                duration=copied.duration,
                width=copied.width,
                height=copied.height,
            )
            tx.emit(told, subject=job.id)
