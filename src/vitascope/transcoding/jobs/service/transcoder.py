"""What a worker does for a job, step by step; each may be repeated after a crash."""

import asyncio
import os
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from vitascope.foundation.clock import Clock
from vitascope.foundation.db.database import Database, Transaction, retried
from vitascope.foundation.encoding import to_plain
from vitascope.foundation.errors import Unavailable
from vitascope.foundation.storage.keys import ObjectKey, ObjectPrefix
from vitascope.foundation.storage.objects import ObjectMissing, Objects
from vitascope.foundation.workflows.declaration import Run
from vitascope.transcoding.jobs.adapters import masters, programs, shipping
from vitascope.transcoding.jobs.adapters.checkpoints import Checkpoints
from vitascope.transcoding.jobs.adapters.scratch import Scratch
from vitascope.transcoding.jobs.contracts import Job, JobRendition, JobState
from vitascope.transcoding.jobs.events import JobCompleted, JobFailed, JobStarted
from vitascope.transcoding.jobs.repository import jobs as repository
from vitascope.transcoding.jobs.repository import parts
from vitascope.transcoding.jobs.repository.jobs import Change
from vitascope.transcoding.jobs.service import first
from vitascope.transcoding.jobs.service.bells import Bells
from vitascope.transcoding.jobs.service.encoding import Encoding
from vitascope.transcoding.jobs.service.first import FirstShowing
from vitascope.transcoding.jobs.service.metering import Metering
from vitascope.transcoding.jobs.service.outcomes import Failure, Made, SourceGone, TranscodingGivenUp
from vitascope.transcoding.jobs.service.protecting import Protecting
from vitascope.transcoding.jobs.service.settings import JobsSettings
from vitascope.transcoding.jobs.service.watch import Watch, Watched, in_thread
from vitascope.transcoding.jobs.service.work import Attempt
from vitascope.transcoding.pipeline import ladder
from vitascope.transcoding.pipeline.contracts import (
    Plan,
    SourceMedia,
    TranscodeCancelled,
    unheard,
)
from vitascope.transcoding.pipeline.encoded import Encoded
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.outcome import StageTime
from vitascope.transcoding.pipeline.protection import Protection
from vitascope.transcoding.pipeline.run import Pipeline, renditions
from vitascope.transcoding.pipeline.workbench import Workbench

T = TypeVar("T")


class Transcoder:
    """Takes jobs on; there is one in each worker."""

    def __init__(  # noqa: PLR0913 - a container fills them in
        self,
        *,
        db: Database,
        objects: Objects,
        scratch: Scratch,
        checkpoints: Checkpoints,
        metering: Metering,
        protecting: Protecting,
        bells: Bells,
        clock: Clock,
        settings: JobsSettings,
    ) -> None:
        self.db, self.objects, self.scratch = db, objects, scratch
        self.checkpoints, self.metering, self.bells = checkpoints, metering, bells
        self.protecting, self.clock, self.settings = protecting, clock, settings
        # Many jobs wait in a worker for their parts; few at once put theirs together.
        self.benches = asyncio.Semaphore(max(1, (os.cpu_count() or 1) // 2))

    def take(self, run: Run, attempt: Attempt) -> "Transcoding":
        """One attempt at a job, run as durable work."""
        return Transcoding(self, run=run, attempt=attempt)

    async def give_up(self, tx: Transaction, *, attempt: Attempt) -> None:
        """The job failed, because its durable work did, unless it has ended otherwise."""
        job = await repository.lock(tx, job=attempt.job, owner=None)
        if job is not None and job.attempt == attempt.number and job.state in repository.ACTIVE:
            await parts.withdraw(tx, job=job.id, attempt=attempt.number)
            await self.fail(tx, job, TranscodingGivenUp().problem())

    async def fail(self, tx: Transaction, job: Job, problem: Mapping[str, Any]) -> None:
        """Keep why a locked job failed, and tell it."""
        values = {"problem": dict(problem), "finished_at": self.clock.now()}
        await self.move(tx, job, JobState.FAILED, values, reason=str(problem["detail"]))
        told = JobFailed(
            job=job.id, source=job.source, problem_type=str(problem["type"]), detail=str(problem["detail"])
        )
        tx.emit(told, subject=job.id)

    async def move(
        self,
        tx: Transaction,
        job: Job,
        state: JobState,
        values: Mapping[str, Any],
        *,
        reason: str | None = None,
    ) -> None:
        """Bring a locked job to a state, and remember when."""
        await repository.set_state(tx, job=job.id, state=state, values=values)
        change = Change(state=state, attempt=job.attempt, at=self.clock.now(), account=None, reason=reason)
        await repository.note(tx, job=job.id, change=change)


class Transcoding:
    """One attempt at a job. A stage that finds the work of an earlier one missing does that again.

    So it is when a retry, or a worker on another machine, goes on with a job: results in the history of
    the workflow are small, and the files that they tell of may lie elsewhere or nowhere.
    """

    def __init__(self, transcoder: Transcoder, *, run: Run, attempt: Attempt) -> None:
        self._transcoder, self._ctx, self._attempt = transcoder, run.ctx, attempt
        self._db, self._objects, self._scratch = transcoder.db, transcoder.objects, transcoder.scratch
        self._watch = Watch(
            db=transcoder.db, run=run, attempt=attempt, seconds=transcoder.settings.watch_seconds
        )
        self._encoding = Encoding(
            db=transcoder.db,
            ctx=run.ctx,
            attempt=attempt,
            checkpoints=transcoder.checkpoints,
            bells=transcoder.bells,
        )

    @retried
    async def start(self) -> str | None:
        """The key of the source, once the job is in work; None if it is no longer wanted."""
        async with self._db.transaction(self._ctx) as tx:
            job = await self._lock(tx)
            if job is None:
                return None
            if job.state == JobState.PENDING:
                values = {"started_at": self._transcoder.clock.now()}
                await self._transcoder.move(tx, job, JobState.PROCESSING, values)
                tx.emit(JobStarted(job=job.id, attempt=job.attempt), subject=job.id)
            return job.source

    async def fetch(self, source: str) -> None:
        """Have the film on this machine."""
        async with self._watch.over("fetch") as watched:
            began = self._transcoder.clock.now()
            await self._file(source, watched)
        await self._note("fetch", self._since(began))

    async def probe(self, source: str) -> SourceMedia:
        """What the film is; raises a MediaRejected if it cannot be transcoded."""
        async with self._watch.over("probe") as watched:
            file, pipeline = await self._file(source, watched), self._pipeline(watched)
            media, took = await in_thread(watched, lambda: pipeline.probe(file))
        await self._note("probe", took)
        return media

    async def plan(self, media: SourceMedia) -> Plan:
        """What will be made of it."""
        async with self._watch.over("plan"):
            return ladder.plan(media)

    async def first(self, source: str, plan: Plan) -> None:
        """Let a long film play from a copy of its own picture, if that plays as it is."""
        showing = FirstShowing(db=self._db, ctx=self._ctx, attempt=self._attempt)
        if (plan.duration or 0.0) < self._transcoder.settings.first_seconds or await showing.is_on():
            return
        protection = await self._protection(plan)
        async with self._watch.over("first") as watched:
            # Its stages bear the names of those that come when all is encoded: they are not told.
            film, pipeline = await self._film(source, plan, watched), self._pipeline(watched, tells=False)
            copied, took = await in_thread(
                watched, lambda: first.copy(pipeline, film, work=self._work, protection=protection)
            )
            if copied is None:
                return
            files = shipping.files_of(copied.folder, copied.drawn)
            await showing.begin(copied, prefix=await self._ship(files, watched))
        await self._note("first", took)

    async def encode(self, source: str, plan: Plan) -> None:
        """Have all rungs and sound tracks encoded, by whichever workers there are, and joined."""
        try:
            took = await self._encode(source, plan)
        except Unavailable:
            raise  # the step is tried again, and the workers go on meanwhile
        except Exception:
            await self._encoding.withdraw()
            raise
        await self._note("encode", took)

    async def _encode(self, source: str, plan: Plan) -> StageTime:
        began = self._transcoder.clock.now()
        async with self._watch.over("encode") as watched:
            film = await self._film(source, plan, watched)
            pipeline = self._pipeline(watched)
            await self._encoding.open(source=source, plan=plan)
            cut = await self._encoding.cut(film, pipeline, watched)
            await self._encoding.wait(plan, watched)
            _, joined = await self._assemble(pipeline, film, watched)
        cpu = await self._encoding.cpu_seconds()
        return StageTime(wall=self._since(began).wall, cpu=cpu and cut.cpu + cpu + joined.cpu)

    async def package(self, source: str, plan: Plan) -> None:
        """Make one set of segments with its manifests."""
        protection = await self._protection(plan)

        def package(pipeline: Pipeline, encoded: Encoded) -> tuple[None, StageTime]:
            return None, pipeline.package(encoded, work=self._work, protection=protection)[1]

        await self._stage("package", source, plan, package)

    async def pictures(self, source: str, plan: Plan) -> None:
        """Draw poster and thumbnails."""

        def draw(pipeline: Pipeline, encoded: Encoded) -> tuple[None, StageTime]:
            return None, pipeline.pictures(encoded, work=self._work)[2]

        await self._stage("pictures", source, plan, draw)

    async def verify(self, source: str, plan: Plan) -> Made:
        """Check that the set plays; raises SetInvalid."""
        protection = await self._protection(plan)

        def verify(pipeline: Pipeline, encoded: Encoded) -> tuple[Made, StageTime]:
            packaged, _ = pipeline.package(encoded, work=self._work, protection=protection)
            checked, time = pipeline.verify(packaged, encoded, protection=protection)
            made = tuple(_rendition(one) for one in renditions(encoded, checked))
            return Made(renditions=made, duration=encoded.duration, warnings=encoded.warnings), time

        return await self._stage("verify", source, plan, verify)

    async def publish(self, source: str, plan: Plan) -> str:
        """Store the set below a prefix of its own; the prefix, which nobody knows yet.

        Each time it runs the prefix is another: one who was thought dead cannot write into what is published.
        """
        protection = await self._protection(plan)
        async with self._watch.over("publish") as watched:
            film, pipeline = await self._film(source, plan, watched), self._pipeline(watched)
            encoded, _ = await self._assemble(pipeline, film, watched)
            files = await in_thread(watched, lambda: self._files(pipeline, encoded, protection))
            began = self._transcoder.clock.now()
            prefix = await self._ship(files, watched)
        await self._note("publish", self._since(began))
        return prefix

    @retried
    async def complete(self, made: Made, prefix: str) -> None:
        """The job is done, unless it was cancelled meanwhile; whoever hears of it finds all files."""
        async with self._db.transaction(self._ctx) as tx:
            job = await self._lock(tx)
            if job is None:
                return
            await self._transcoder.move(tx, job, JobState.COMPLETED, self._result(made, prefix))
            largest = made.renditions[0]
            done = JobCompleted(
                job=job.id,
                source=job.source,
                output=prefix,
                duration=made.duration,
                width=largest.width,
                height=largest.height,
            )
            tx.emit(done, subject=job.id)

    async def fail(self, failure: Failure) -> None:
        """The job failed, unless it was cancelled meanwhile.

        What it leaves goes before the state changes: from then on a retry may build in the same folder.
        """
        if not failure.worth_keeping:
            await self._scratch.remove(self._attempt.job)
            await self._forget_checkpoints()
        await self._fail(failure)

    async def clear(self) -> None:
        """Meter what the attempt used, and remove what it has left but for what a retry can use."""
        async with self._db.read(self._ctx) as reader:
            job = await repository.get(reader, job=self._attempt.job, owner=None)
            prefixes = await repository.staged(reader, job=self._attempt.job)
        completed, stored = job is not None and job.state == JobState.COMPLETED, 0
        if job is not None and completed:
            stored = await shipping.size_of(self._objects, ObjectPrefix(job.output))
            await self._scratch.remove(job.id)
            await self._forget_checkpoints()
        await self._transcoder.metering.settle(self._ctx, job=self._attempt.job, stored_bytes=stored)
        for prefix in prefixes:
            await self._objects.delete_prefix(ObjectPrefix(prefix))
        if prefixes:
            async with self._db.transaction(self._ctx) as tx:
                await repository.unstage(tx, job=self._attempt.job, prefixes=prefixes)

    async def _forget_checkpoints(self) -> None:
        await self._transcoder.checkpoints.remove(self._ctx.tenant, self._attempt.job)
        async with self._db.transaction(self._ctx) as tx:
            await repository.keep_checkpoints(tx, job=self._attempt.job, kept=False)

    @retried
    async def _fail(self, failure: Failure) -> None:
        async with self._db.transaction(self._ctx) as tx:
            job = await self._lock(tx)
            if job is not None:
                await self._transcoder.fail(tx, job, failure.problem)

    async def _lock(self, tx: Transaction) -> Job | None:
        """The job, locked, if this attempt at it is wanted."""
        job = await repository.lock(tx, job=self._attempt.job, owner=None)
        wanted = job is not None and job.attempt == self._attempt.number and job.state in repository.ACTIVE
        return job if wanted else None

    async def _stage(
        self, name: str, source: str, plan: Plan, call: Callable[[Pipeline, Encoded], tuple[T, StageTime]]
    ) -> T:
        """Run a stage that works on what was encoded in a thread, watched, and keep what it took."""
        async with self._watch.over(name) as watched, self._transcoder.benches:
            film, pipeline = await self._film(source, plan, watched), self._pipeline(watched)
            encoded, _ = await self._assemble(pipeline, film, watched)
            result, took = await in_thread(watched, lambda: call(pipeline, encoded))
        await self._note(name, took)
        return result

    async def _assemble(self, pipeline: Pipeline, film: Film, watched: Watched) -> tuple[Encoded, StageTime]:
        """What was encoded, joined; where another machine did so, its parts are brought here first."""
        chunks = await self._encoding.gather(film, pipeline, work=self._work)
        return await in_thread(watched, lambda: pipeline.assemble(film, chunks, work=self._work))

    def _since(self, began: datetime) -> StageTime:
        """What a stage took that runs no program."""
        return StageTime(wall=(self._transcoder.clock.now() - began).total_seconds(), cpu=0.0)

    async def _note(self, stage: str, took: StageTime) -> None:
        async with self._db.transaction(self._ctx) as tx:
            await repository.note_stage(
                tx,
                job=self._attempt.job,
                attempt=self._attempt.number,
                seconds={stage: round(took.wall, 3)},
                cpu={stage: round(took.cpu, 3)},
            )

    async def _film(self, source: str, plan: Plan, watched: Watched) -> Film:
        file = await self._file(source, watched)
        return await asyncio.to_thread(Film.of, file, plan)

    async def _file(self, source: str, watched: Watched) -> Path:
        try:
            return await masters.fetch(
                self._objects, ObjectKey(source), folder=self._work, progress=watched.move
            )
        except ObjectMissing as missing:
            raise SourceGone from missing

    async def _ship(self, files: Mapping[str, Path], watched: Watched) -> str:
        """Store the files below a prefix of their own, which is noted before the first of them."""
        prefix = await self._stage_prefix()
        await shipping.ship(
            self._objects,
            files,
            to=ObjectPrefix(prefix),
            at_once=self._transcoder.settings.uploads,
            progress=watched.move,
        )
        return prefix

    async def _stage_prefix(self) -> str:
        attempt, token = self._attempt, uuid.uuid4().hex[:8]
        whole = repository.output_of(self._ctx.tenant, attempt.job)
        prefix = f"{whole}a{attempt.number}-{token}/"
        async with self._db.transaction(self._ctx) as tx:
            if not await repository.stage(tx, job=attempt.job, attempt=attempt.number, prefix=prefix):
                raise TranscodeCancelled
        return prefix

    @property
    def _work(self) -> Path:
        return self._scratch.of(self._attempt.job)

    def _pipeline(self, watched: Watched, *, tells: bool = True) -> Pipeline:
        listen = watched.meter.hear if tells else unheard
        bench = Workbench(tools=programs.tools(), listen=listen, cancel=watched.stop)
        return Pipeline(bench)

    async def _protection(self, plan: Plan) -> Protection | None:
        """The keys, asked for where they are needed: the history of the workflow never holds them."""
        return await self._transcoder.protecting.protection(self._ctx, job=self._attempt.job, plan=plan)

    def _files(
        self, pipeline: Pipeline, encoded: Encoded, protection: Protection | None
    ) -> Mapping[str, Path]:
        packaged, _ = pipeline.package(encoded, work=self._work, protection=protection)
        _, drawn, _ = pipeline.pictures(encoded, work=self._work)
        return shipping.files_of(packaged.folder, drawn)

    def _result(self, made: Made, prefix: str) -> dict[str, Any]:
        return {
            "output": prefix,
            "duration": made.duration,
            "renditions": to_plain(made.renditions),
            "warnings": list(made.warnings),
            "progress": 1.0,
            "stage": None,
            "stage_progress": 1.0,
            "seconds_left": None,
            "finished_at": self._transcoder.clock.now(),
        }


def _rendition(one: Any) -> JobRendition:
    return JobRendition(**{name: getattr(one, name) for name in JobRendition.__dataclass_fields__})
