"""Encoding one part of a film on this machine, wherever the film is and whoever asked for it."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.objects import ObjectMissing, Objects
from vitascope.transcoding.jobs.adapters import masters, programs
from vitascope.transcoding.jobs.adapters.checkpoints import Checkpoints
from vitascope.transcoding.jobs.adapters.scratch import Scratch
from vitascope.transcoding.jobs.contracts import JobId
from vitascope.transcoding.jobs.repository.parts import SOUND, Claimed, Made
from vitascope.transcoding.jobs.service.outcomes import SourceGone
from vitascope.transcoding.jobs.service.watch import Stoppable, in_thread
from vitascope.transcoding.pipeline.contracts import Rung, TranscodeCancelled
from vitascope.transcoding.pipeline.encode import CHUNKS
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.video import EncodedChunk, checkpoint_name
from vitascope.transcoding.pipeline.workbench import Workbench

_FILMS_KNOWN = 16


class Encoding(Stoppable, Protocol):
    """A part while it is encoded: `frames` is what is done of it."""

    frames: int


class Encoder:
    """Encodes parts; what it makes lies in the store when it is done, for whoever puts it together."""

    def __init__(self, *, objects: Objects, scratch: Scratch, checkpoints: Checkpoints) -> None:
        self._objects, self._scratch, self._checkpoints = objects, scratch, checkpoints
        self._films: OrderedDict[tuple[JobId, int], asyncio.Future[Film]] = OrderedDict()

    async def encode(self, claimed: Claimed, running: Encoding) -> tuple[Made, int]:
        """Encode a part; what it took, and how many frames it has.

        Raises MediaRejected, OutOfSpace, TranscodeCancelled, DeadlineExceeded, Unavailable.
        """
        film = await self._film(claimed, running)
        bench = Workbench(tools=programs.tools(), cancel=running.stop, workers=1)
        task = _Task(claimed=claimed, film=film, bench=bench, work=self._scratch.of(claimed.part.job))
        if claimed.part.number == SOUND:
            return await self._encode_sound(task, running), 0
        return await self._encode_chunk(task, running)

    async def _encode_sound(self, task: "_Task", running: Encoding) -> Made:
        claimed, work = task.claimed, task.work
        await self._checkpoints.bring_sound(claimed.tenant, claimed.part.job, work=work)
        pipeline = Pipeline(task.bench)
        sound, took = await in_thread(running, lambda: pipeline.encode_sound(task.film, work=work))
        files = [file for file in sound.folder.iterdir() if file.is_file()]
        await self._checkpoints.keep(claimed.tenant, claimed.part.job, files, work=work.resolve())
        return Made(cpu_seconds=took.cpu, sizes={"sound": sum(file.stat().st_size for file in files)})

    async def _encode_chunk(self, task: "_Task", running: Encoding) -> tuple[Made, int]:
        claimed, work = task.claimed, task.work
        tenant, job = claimed.tenant, claimed.part.job
        await self._checkpoints.bring_chunks(tenant, job, task.names, work=work)

        def move(frames: int) -> None:
            running.frames = frames

        pipeline, chunk = Pipeline(task.bench), claimed.part.chunk
        made, took = await in_thread(
            running,
            lambda: pipeline.encode_chunk(task.film, chunk, task.rungs, work=work, on_frames=move),
        )
        files = {one.rung: work / CHUNKS / one.name for one in made}
        await self._checkpoints.keep(tenant, job, files.values(), work=work)
        sizes = {rung: file.stat().st_size for rung, file in files.items()}
        return Made(cpu_seconds=took.cpu, sizes=sizes), _frames(made)

    async def _film(self, claimed: Claimed, running: Encoding) -> Film:
        """The film on this machine; one who needs it while it is being fetched waits for that."""
        key = (claimed.part.job, claimed.part.attempt)
        known = self._films.get(key)
        if known is None or (known.done() and not _is_here(known)):
            known = self._films[key] = asyncio.ensure_future(self._fetch(claimed, running))
            while len(self._films) > _FILMS_KNOWN:
                self._films.popitem(last=False)
        return await asyncio.shield(known)

    async def _fetch(self, claimed: Claimed, running: Encoding) -> Film:
        def go_on(_fraction: float) -> None:
            if running.stop.is_set():
                raise TranscodeCancelled

        folder = self._scratch.of(claimed.part.job)
        try:
            file = await masters.fetch(
                self._objects, ObjectKey(claimed.source), folder=folder, progress=go_on
            )
        except ObjectMissing as missing:
            raise SourceGone from missing
        return await asyncio.to_thread(Film.of, file, claimed.plan)


@dataclass(frozen=True, kw_only=True)
class _Task:
    claimed: Claimed
    film: Film
    bench: Workbench
    work: Path

    @property
    def rungs(self) -> Sequence[Rung]:
        wanted = self.claimed.part.rungs
        return [rung for rung in self.film.plan.rungs if rung.name in wanted]

    @property
    def names(self) -> Sequence[str]:
        chunk = self.claimed.part.chunk
        return [checkpoint_name(self.film, chunk, rung, bench=self.bench) for rung in self.rungs]


def _is_here(known: asyncio.Future[Film]) -> bool:
    return not known.cancelled() and known.exception() is None and known.result().file.is_file()


def _frames(made: Sequence[EncodedChunk]) -> int:
    return max((one.frames for one in made), default=0)
