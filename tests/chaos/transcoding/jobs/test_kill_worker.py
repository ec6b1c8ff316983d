"""kill -9 of a worker in every step of its job."""

import asyncio
import multiprocessing
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from tests.chaos.transcoding.jobs import worker

from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.storage.keys import ObjectKey, ObjectPrefix
from vitascope.foundation.storage.objects import Objects
from vitascope.foundation.wiring import Container
from vitascope.foundation.workflows.engine import Workflows
from vitascope.foundation.workflows.status import State
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.contracts import Job, JobState
from vitascope.transcoding.jobs.events import JobCompleted, JobStarted
from vitascope.transcoding.jobs.jobs import tidy, transcode
from vitascope.transcoding.jobs.service.jobs import JobService
from vitascope.transcoding.jobs.service.work import Attempt

# Workers are forked from a process that has imported everything: each is there at once.
_FORK = multiprocessing.get_context("forkserver")
_FORK.set_forkserver_preload([worker.__name__, "dbos"])
_STEPS = (
    "start",
    "fetch",
    "probe",
    "plan",
    "first",
    "encode",
    "package",
    "pictures",
    "verify",
    "publish",
    "complete",
    "clear",
    "tidy",
)
_PATIENCE_SECONDS = 120
# The engine gives work up whose worker dies a sixth time: no job may die in all of its steps.
_DEATHS = (_STEPS[:4], _STEPS[4:7], _STEPS[7:10], _STEPS[10:])


class _Story:
    """Workers that die, one after another, over one job."""

    def __init__(
        self, platform: PlatformUnderTest, *, ctx: Context, folder: Path, workflows: Workflows
    ) -> None:
        self._platform, self._ctx, self._workflows = platform, ctx, workflows
        self._log, self._data = folder / "log", folder / "data"
        self._log.touch()
        self._jobs = platform.container.get(JobService)
        self.objects: Objects = platform.container.get(Objects)  # type: ignore[type-abstract]  # a port

    async def submit(self, film: Path) -> Job:
        key = ObjectKey.of(self._ctx.tenant, "uploads", "upl_1", "source")
        await self.objects.put(key, film)
        job = await self._jobs.submit(self._ctx, source=key, filename="kiss.mp4", key="1")
        attempt = Attempt(job=job.id, number=1)
        await self._workflows.start(self._ctx, transcode, attempt, id=attempt.workflow)
        return job

    async def play(self, job: Job, *, dies_in: Sequence[str], forgetful: bool = False) -> Job:
        for _ in dies_in:
            dying = self._worker(dies_in, forgetful=forgetful)
            await asyncio.to_thread(dying.join, _PATIENCE_SECONDS)
            assert dying.exitcode == -signal.SIGKILL
        last = self._worker(dies_in, forgetful=forgetful)
        try:
            await self._ended(job)
        finally:
            last.kill()
            last.join()
        return await self._jobs.get(self._ctx, job=job.id)

    async def hand_over(self, job: Job, *, begins_anew: bool = False) -> Job:
        """A worker dies over a chunk of the film, another goes on."""
        first = self._worker((), executor="first", parts=True, dies_over_a_chunk=True)
        await asyncio.to_thread(first.join, _PATIENCE_SECONDS)
        assert first.exitcode == -signal.SIGKILL
        second = self._worker((), executor="second", parts=True, begins_anew=begins_anew)
        try:
            await self._ended(job)
        finally:
            second.kill()
            second.join()
        return await self._jobs.get(self._ctx, job=job.id)

    async def _ended(self, job: Job) -> None:
        workflow = Attempt(job=job.id, number=1).workflow
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while (await self._workflows.status(workflow)).state is not State.DONE:  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.05)

    def begun(self) -> Counter[str]:
        return Counter(self._log.read_text().split())

    def scratch(self) -> list[Path]:
        return list((self._data / "scratch").glob("*"))

    async def prefixes(self, job: Job) -> set[str]:
        prefix = ObjectPrefix(f"{self._ctx.tenant}/renditions/{job.id}/")
        listing = await self.objects.page(prefix)
        return {prefix + one.key.removeprefix(prefix).partition("/")[0] + "/" for one in listing.objects}

    def _worker(self, dies_in: Sequence[str], *, forgetful: bool = False, **further: object) -> BaseProcess:
        orders = {
            **further,
            "endpoint": self._platform.endpoint,
            "data": str(self._data),
            "log": str(self._log),
            "dies_in": list(dies_in),
            "forgetful": forgetful,
        }
        process = _FORK.Process(target=worker.work, args=(orders,), daemon=True)
        process.start()
        return process


@pytest.fixture(name="workflows")
async def _workflows(endpoint: Endpoint, db: Database) -> AsyncIterator[Workflows]:
    made = Workflows(dsn=endpoint.dsn(Role.SYSTEM), db=db)
    made.register([transcode, tidy], Container())
    yield made
    await made.shutdown()


@pytest.fixture(name="story")
def _story(platform: PlatformUnderTest, ctx: Context, tmp_path: Path, workflows: Workflows) -> _Story:
    return _Story(platform, ctx=ctx, folder=tmp_path, workflows=workflows)


def _assert_only_interrupted_ran_again(begun: Counter[str], dies_in: Sequence[str]) -> None:
    assert begun == {step: 2 if step in dies_in else 1 for step in _STEPS}


def _assert_only_its_chunk_was_lost(begun: Counter[str]) -> None:
    """Each part was begun once, but for the one over which the worker died."""
    times = sorted(count for name, count in begun.items() if name.startswith("part"))
    assert len(times) > 2
    assert times == [1] * (len(times) - 1) + [2]


class TestKill:
    @pytest.mark.parametrize("dies_in", _DEATHS, ids="-".join)
    async def test_job_finishes_by_itself(
        self,
        story: _Story,
        film: Path,
        dies_in: Sequence[str],
        platform: PlatformUnderTest,
    ) -> None:
        """A job whose worker is killed in its steps completes; only those run again, nothing stays over."""
        job = await story.submit(film)

        done = await story.play(job, dies_in=dies_in)

        assert (done.state, done.attempt) == (JobState.COMPLETED, 1)
        _assert_only_interrupted_ran_again(story.begun(), dies_in)
        assert await story.prefixes(job) == {done.output}
        assert story.scratch() == []
        assert [type(one) for one in await platform.events(JobStarted, JobCompleted)] == [
            JobStarted,
            JobCompleted,
        ]

    async def test_steps_without_records_are_caught(self, story: _Story, film: Path) -> None:
        """The planted bug: were steps not recorded, the check would see that finished ones ran again."""
        job = await story.submit(film)

        await story.play(job, dies_in=("package",), forgetful=True)

        with pytest.raises(AssertionError):
            _assert_only_interrupted_ran_again(story.begun(), ("package",))


class TestKillAmidParts:
    async def test_one_chunk_is_lost(self, story: _Story, film_of_chunks: Path) -> None:
        """When a worker is killed over a chunk, another goes on with that one; what was done stays done."""
        job = await story.submit(film_of_chunks)

        done = await story.hand_over(job)

        assert (done.state, done.attempt, done.duration) == (JobState.COMPLETED, 1, 100.0)
        _assert_only_its_chunk_was_lost(story.begun())

    async def test_beginning_anew_is_caught(self, story: _Story, film_of_chunks: Path) -> None:
        """The planted bug: were all parts given out again, the check would see that more was lost."""
        job = await story.submit(film_of_chunks)

        await story.hand_over(job, begins_anew=True)

        with pytest.raises(AssertionError):
            _assert_only_its_chunk_was_lost(story.begun())
