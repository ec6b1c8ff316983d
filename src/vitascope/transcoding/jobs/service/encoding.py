"""One attempt's film, cut into parts that all workers encode, and put together again."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database, retried
from vitascope.foundation.errors import Unavailable
from vitascope.transcoding.jobs.adapters.checkpoints import Checkpoints
from vitascope.transcoding.jobs.repository import jobs, turns
from vitascope.transcoding.jobs.repository import parts as repository
from vitascope.transcoding.jobs.repository.parts import SOUND, Part, Standing
from vitascope.transcoding.jobs.service.bells import Bells
from vitascope.transcoding.jobs.service.outcomes import revived
from vitascope.transcoding.jobs.service.progress import Estimate
from vitascope.transcoding.jobs.service.watch import Watched, in_thread
from vitascope.transcoding.jobs.service.work import Attempt
from vitascope.transcoding.pipeline.chunks import groups_per_chunk
from vitascope.transcoding.pipeline.contracts import Chunk, Plan
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.outcome import StageTime
from vitascope.transcoding.pipeline.run import Pipeline

_LOOK_SECONDS = 0.25
_PIXELS_PER_SECOND = 43_000_000  # that one core encodes, of all rungs together
_SOUND_PER_SECOND = 60.0  # seconds of sound


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """The encoding of one attempt."""

    db: Database
    ctx: Context
    attempt: Attempt
    checkpoints: Checkpoints
    bells: Bells

    @retried
    async def open(self, *, source: str, plan: Plan) -> None:
        """Let workers take the sound, which takes longest."""
        async with self.db.transaction(self.ctx) as tx:
            await repository.open_encoding(
                tx, job=self.attempt.job, attempt=self.attempt.number, source=source, plan=plan
            )
            await turns.join(tx)
            await jobs.keep_checkpoints(tx, job=self.attempt.job, kept=True)
        if plan.mixes:
            await self._add([self._sound(plan)])

    async def cut(self, film: Film, pipeline: Pipeline, watched: Watched) -> StageTime:
        """Cut the film; workers take each chunk as soon as it is known, while the rest is still read."""
        found: asyncio.Queue[Chunk | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def tell(chunk: Chunk | None) -> None:
            loop.call_soon_threadsafe(found.put_nowait, chunk)

        async with asyncio.TaskGroup() as group:
            adding = group.create_task(self._add_all(found, film.plan))
            took = await in_thread(watched, lambda: pipeline.cut(film, found=tell))
            tell(None)
        await self._close(adding.result() + bool(film.plan.mixes))
        return took

    async def wait(self, plan: Plan, watched: Watched) -> None:
        """Wait until all parts are done; raises what one of them failed with."""
        estimate = Estimate()
        while True:
            with suppress(Unavailable):  # the workers go on without a database, for a while
                standing = await self._standing()
                if standing.problem is not None:
                    raise revived(standing.problem)
                if standing.is_finished:
                    return
                rungs = done_of(standing, plan)
                fraction = sum(rungs.values()) / len(rungs)
                left = estimate.seconds_left(fraction, now=time.monotonic())
                watched.move(fraction, rungs=rungs, seconds_left=left)
            await self.bells.ended.wait(_LOOK_SECONDS)

    async def withdraw(self) -> None:
        """Have nobody encode any more, and wait until all encoders are dead."""
        await self._withdraw()
        while (await self._standing()).held:
            await self.bells.ended.wait(_LOOK_SECONDS)

    async def gather(self, film: Film, pipeline: Pipeline, *, work: Path) -> Sequence[Chunk]:
        """Have here what was encoded elsewhere; answers the chunks that the film was cut into."""
        async with self.db.read(self.ctx) as reader:
            chunks = await repository.chunks(reader, job=self.attempt.job, attempt=self.attempt.number)
        if not pipeline.is_assembled(film, work=work):
            names = pipeline.checkpoint_names(film, chunks)
            tenant, job = self.ctx.tenant, self.attempt.job
            await self.checkpoints.bring_sound(tenant, job, work=work)
            await self.checkpoints.bring_chunks(tenant, job, names, work=work)
        return chunks

    async def cpu_seconds(self) -> float:
        """What the workers have used for the parts that are done."""
        async with self.db.read(self.ctx) as reader:
            return await repository.cpu_seconds(reader, job=self.attempt.job, attempt=self.attempt.number)

    async def _add_all(self, found: "asyncio.Queue[Chunk | None]", plan: Plan) -> int:
        """Add chunks as they come, those together that have come together; their number."""
        added, ended = 0, False
        while not ended:
            batch = [await found.get()]
            while not found.empty():
                batch.append(found.get_nowait())
            chunks = [one for one in batch if one is not None]
            ended = len(chunks) < len(batch)
            if chunks:
                await self._add([self._chunk(one, plan) for one in chunks])
            added += len(chunks)
        return added

    @retried
    async def _add(self, found: Sequence[Part]) -> None:
        async with self.db.transaction(self.ctx) as tx:
            await repository.add(tx, found=found)
        self.bells.waiting.give()

    @retried
    async def _close(self, total: int) -> None:
        async with self.db.transaction(self.ctx) as tx:
            await repository.close(tx, job=self.attempt.job, attempt=self.attempt.number, total=total)

    @retried
    async def _withdraw(self) -> None:
        async with self.db.transaction(self.ctx) as tx:
            await repository.withdraw(tx, job=self.attempt.job, attempt=self.attempt.number)

    async def _standing(self) -> Standing:
        async with self.db.read(self.ctx) as reader:
            return await repository.standing(reader, job=self.attempt.job, attempt=self.attempt.number)

    def _sound(self, plan: Plan) -> Part:
        cost = (plan.duration or 0.0) * len(plan.mixes) / _SOUND_PER_SECOND
        return Part(job=self.attempt.job, attempt=self.attempt.number, number=SOUND, cost=cost)

    def _chunk(self, chunk: Chunk, plan: Plan) -> Part:
        return Part(
            job=self.attempt.job,
            attempt=self.attempt.number,
            number=chunk.number,
            first=chunk.first,
            frames=chunk.frames,
            rungs=[rung.name for rung in plan.rungs],
            cost=cost_of(chunk, plan),
        )


def done_of(standing: Standing, plan: Plan) -> dict[str, float]:
    """How much of each rung is done."""
    total = plan.frame_rate.frames(plan.duration) if plan.duration else 0
    return {
        rung.name: round(min(1.0, standing.frames.get(rung.name, 0) / total), 4) if total else 0.0
        for rung in plan.rungs
    }


def cost_of(chunk: Chunk, plan: Plan) -> float:
    """About the CPU seconds that a chunk will take: what it says of turns is settled when it is done."""
    frames = chunk.frames
    if frames is None and chunk.is_whole_film and plan.duration:
        frames = plan.frame_rate.frames(plan.duration)
    if frames is None:
        frames = groups_per_chunk(plan) * plan.gop
    return round(sum(rung.width * rung.height for rung in plan.rungs) * frames / _PIXELS_PER_SECOND, 3)
