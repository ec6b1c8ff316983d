"""What becomes of films, with real encoders on a real database."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.integration.transcoding.jobs.conftest import Studio
from tests.integration.transcoding.pipeline.corpus import Corpus

from vitascope.foundation.context import Context
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.objects import Objects
from vitascope.foundation.workflows.declaration import WorkflowFailed
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.adapters import programs
from vitascope.transcoding.jobs.contracts import Job, JobState
from vitascope.transcoding.jobs.events import (
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobMetered,
    JobStarted,
    JobSubmitted,
)

_BEFORE = ["start", "fetch", "probe", "plan", "first", "encode", "package", "pictures", "verify", "publish"]
_ENDS = (JobSubmitted, JobStarted, JobCompleted, JobFailed, JobCancelled)


class _Elsewhere:
    """A store whose bytes are not on this machine."""

    def __init__(self, store: Objects) -> None:
        self._store = store
        self.read = 0

    def __getattr__(self, name: str) -> Any:
        self.read += name == "stream"
        return getattr(self._store, name)

    def local_path(self, _key: ObjectKey) -> None:
        """Not here."""


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data" / "scratch"
    folder.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount a disk small enough to fill")
    yield folder
    subprocess.run(["umount", folder], check=False)


def _grow(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)


def _encoders() -> list[psutil.Process]:
    return [one for one in psutil.Process().children(recursive=True) if _is_encoder(one)]


def _is_encoder(process: psutil.Process) -> bool:
    try:
        return "ffmpeg" in process.name()
    except psutil.NoSuchProcess:  # it ended between the two looks
        return False


async def _until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - another process brings it about
            await asyncio.sleep(0.01)


async def _told(platform: PlatformUnderTest) -> list[type]:
    return [type(one) for one in await platform.events(*_ENDS)]


class TestWholeWay:
    async def test_a_film_becomes_a_set(
        self, studio: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """A job ends as completed, with both manifests and all they name in the store, and tells it once."""
        job = await studio.transcode(ctx, film)

        assert (job.state, job.progress, job.stage, job.problem) == (JobState.COMPLETED, 1.0, None, None)
        assert {"master.m3u8", "manifest.mpd", "pictures/poster.jpg"} <= await studio.names(job.output)
        assert job.output.startswith(f"{ctx.tenant}/renditions/{job.id}/a1-")
        assert await _told(platform) == [JobSubmitted, JobStarted, JobCompleted]
        assert await platform.events(JobCompleted) == [
            JobCompleted(
                job=job.id, source=job.source, output=job.output, duration=2.0, width=320, height=180
            )
        ]
        assert studio.scratch == []

    async def test_tells_what_it_made_and_took(self, studio: Studio, ctx: Context, film: Path) -> None:
        """A completed job lists its renditions, the length of the film, and what each stage took."""
        job = await studio.transcode(ctx, film)

        assert [(one.width, one.height, one.codec[:4]) for one in job.renditions] == [(320, 180, "avc1")]
        assert job.renditions[0].peak_bandwidth >= job.renditions[0].average_bandwidth > 0
        assert job.duration == 2.0
        stages = {"fetch", "probe", "encode", "package", "pictures", "verify", "publish"}
        assert set(job.seconds) == set(job.cpu_seconds) == stages
        assert job.cpu_seconds["encode"] > 0

    async def test_tells_what_it_cost(
        self, studio: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """An ended job lists what each rung and the sound took, and tells it once."""
        job = await studio.transcode(ctx, film)

        assert [one.name for one in job.cost.rungs] == ["180p", "sound"]
        assert all(one.bytes > 0 for one in job.cost.rungs)
        assert 0 < job.cost.cpu_seconds <= job.cpu_seconds["encode"]
        assert job.cost.stored_bytes > sum(one.bytes for one in job.cost.rungs)
        (told,) = await platform.events(JobMetered)
        assert isinstance(told, JobMetered)
        assert (told.job, told.cpu_seconds) == (job.id, job.cost.cpu_seconds)

    async def test_states_are_remembered(self, studio: Studio, ctx: Context, film: Path) -> None:
        """Each state that a job came to is kept with its time, and with the account where one did it."""
        job = await studio.transcode(ctx, film)

        changes = await studio.jobs.changes(ctx, job=job.id)

        assert [(one.state, one.attempt, one.account) for one in changes] == [
            (JobState.PENDING, 1, ctx.account),
            (JobState.PROCESSING, 1, None),
            (JobState.COMPLETED, 1, None),
        ]

    async def test_film_from_elsewhere(
        self, studio: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """A film that is not on this machine is fetched once, and the copy goes with the rest."""
        elsewhere = _Elsewhere(studio.objects)
        platform.container.put(Objects, elsewhere)

        job = await studio.transcode(ctx, film)

        assert job.state == JobState.COMPLETED
        assert elsewhere.read == 1
        assert studio.scratch == []


class TestCrash:
    @pytest.mark.parametrize("step", [*_BEFORE, "complete", "clear", "tidy"])
    async def test_any_step_may_be_repeated(
        self, studio: Studio, platform: PlatformUnderTest, ctx: Context, film: Path, step: str
    ) -> None:
        """A step whose record was lost runs again, and the job ends as if nothing had been."""
        job = await studio.submit(ctx, film)
        died = studio.run(ctx, job, dies_in=step)
        await studio.work(died)

        again = died.again()
        await studio.work(again)

        done = await studio.jobs.get(ctx, job=job.id)
        assert done.state == JobState.COMPLETED
        assert again.ran[0] == step
        assert await _told(platform) == [JobSubmitted, JobStarted, JobCompleted]
        assert {done.output} == await studio.prefixes(ctx, job)
        assert studio.scratch == []

    async def test_other_machine_does_what_is_missing(
        self, studio: Studio, ctx: Context, film: Path, tmp_path: Path
    ) -> None:
        """A worker that has nothing of what the dead one made does that again, and completes the job."""
        job = await studio.submit(ctx, film)
        died = studio.run(ctx, job, dies_in="pictures")
        await studio.work(died)
        (tmp_path / "data" / "scratch").rename(tmp_path / "the other machine")

        again = died.again()
        await studio.work(again)

        assert (await studio.jobs.get(ctx, job=job.id)).state == JobState.COMPLETED
        assert again.ran == ["pictures", "verify", "publish", "complete", "clear", "tidy"]

    async def test_worker_that_died_too_often(
        self, studio: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """When the engine gives durable work up, the job has failed and says so."""
        job = await studio.submit(ctx, film)
        failed = WorkflowFailed(name="transcoding.jobs.transcode", id=studio.run(ctx, job).id, error="died")
        async with platform.db.transaction(ctx) as tx:
            tx.emit(failed, subject=failed.id)

        await platform.pump()

        found = await studio.jobs.get(ctx, job=job.id)
        assert found.problem is not None
        assert (found.state, found.problem["type"]) == (JobState.FAILED, "vitascope:transcoding-given-up")


class TestFailure:
    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("text", "not-media"),
            ("empty", "not-media"),
            ("truncated", "incomplete-media"),
            ("soundless-picture", "no-video"),
        ],
    )
    async def test_bad_film(
        self,
        studio: Studio,
        platform: PlatformUnderTest,
        ctx: Context,
        corpus: Corpus,
        name: str,
        kind: str,
    ) -> None:
        """A film that cannot be transcoded ends its job as failed, with a problem and nothing left behind."""
        job = await studio.transcode(ctx, corpus[name])

        assert job.problem is not None
        assert (job.state, job.problem["type"]) == (JobState.FAILED, f"vitascope:{kind}")
        assert job.finished_at is not None
        assert await platform.events(JobFailed) == [
            JobFailed(
                job=job.id, source=job.source, problem_type=job.problem["type"], detail=job.problem["detail"]
            )
        ]
        assert studio.scratch == []
        assert await studio.prefixes(ctx, job) == set()

    async def test_source_is_gone(self, studio: Studio, ctx: Context, film: Path) -> None:
        """A film that was deleted while its job waited is told as such."""
        job = await studio.submit(ctx, film)
        await studio.objects.delete(ObjectKey(job.source))

        await studio.platform.pump()

        found = await studio.jobs.get(ctx, job=job.id)
        assert found.problem is not None
        assert found.problem["type"] == "vitascope:source-gone"

    async def test_full_disk(self, studio: Studio, ctx: Context, film: Path, small_disk: Path) -> None:
        """On a full disk the job fails with words and leaves nothing; with room again, a retry completes."""
        job = await studio.transcode(ctx, film)
        left = studio.scratch
        _grow(small_disk)

        await studio.jobs.retry(ctx, job=job.id)
        await studio.platform.pump()

        assert job.problem is not None
        assert (job.state, job.problem["type"]) == (JobState.FAILED, "vitascope:out-of-space")
        assert left == []
        again = await studio.jobs.get(ctx, job=job.id)
        assert (again.state, again.attempt, again.problem) == (JobState.COMPLETED, 2, None)

    async def test_unexpected(
        self, studio: Studio, ctx: Context, film: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What nobody expected is told in general words; its own are for the log."""

        def broken() -> None:
            raise RuntimeError("secret")

        monkeypatch.setattr(programs, "tools", broken)

        job = await studio.transcode(ctx, film)

        assert job.problem is not None
        assert (job.state, job.problem["type"]) == (JobState.FAILED, "vitascope:transcoding-broken")
        assert "secret" not in str(job.problem)


class TestCancel:
    async def test_encoders_die_at_once(
        self, studio: Studio, platform: PlatformUnderTest, ctx: Context, long_film: Path
    ) -> None:
        """A cancelled job's encoder is killed amid its work, nothing is published, and it is told once."""
        job = await studio.submit(ctx, long_film)
        worker = asyncio.create_task(studio.work(studio.run(ctx, job)))
        await _until(lambda: bool(_encoders()))
        encoding = await studio.jobs.get(ctx, job=job.id)

        cancelled = await studio.jobs.cancel(ctx, job=job.id)
        await _until(lambda: not _encoders())
        await worker

        assert (encoding.state, cancelled.state) == (JobState.PROCESSING, JobState.CANCELLED)
        assert not list((studio.data / "scratch").glob("*/chunks/*.mp4"))
        assert (await studio.jobs.get(ctx, job=job.id)).state == JobState.CANCELLED
        assert await _told(platform) == [JobSubmitted, JobStarted, JobCancelled]
        assert await studio.prefixes(ctx, job) == set()

    async def test_before_its_turn(
        self, studio: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """A job that is cancelled while it waits is never begun."""
        job = await studio.submit(ctx, film)
        await studio.jobs.cancel(ctx, job=job.id)

        await platform.pump()

        assert (await studio.jobs.get(ctx, job=job.id)).state == JobState.CANCELLED
        assert await _told(platform) == [JobSubmitted, JobCancelled]
        assert studio.scratch == []

    async def test_stopping_worker(self, studio: Studio, ctx: Context, long_film: Path) -> None:
        """A worker that is told to stop stops its encoder, and the job stays in work for the next."""
        job = await studio.submit(ctx, long_film)
        worker = asyncio.create_task(studio.work(studio.run(ctx, job)))
        await _until(lambda: bool(_encoders()))

        worker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await worker

        assert _encoders() == []
        assert (await studio.jobs.get(ctx, job=job.id)).state == JobState.PROCESSING

    async def test_taken_over(self, studio: Studio, ctx: Context, long_film: Path) -> None:
        """A worker whose job another has taken over stops its encoder and records nothing."""
        job = await studio.submit(ctx, long_film)
        run = studio.run(ctx, job)
        worker = asyncio.create_task(studio.work(run))
        await _until(lambda: bool(_encoders()))

        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await worker

        assert _encoders() == []
        assert (await studio.jobs.get(ctx, job=job.id)).state == JobState.PROCESSING


class TestRetry:
    async def test_keeps_finished_stages(self, studio: Studio, ctx: Context, film: Path) -> None:
        """A job that was cancelled after its encoding is retried without encoding again."""
        job = await studio.submit(ctx, film)
        await studio.work(studio.run(ctx, job, dies_in="encode"))
        await studio.jobs.cancel(ctx, job=job.id)
        before = await studio.jobs.get(ctx, job=job.id)
        waiting = await studio.jobs.retry(ctx, job=job.id)

        await studio.work(studio.run(ctx, waiting))

        done = await studio.jobs.get(ctx, job=job.id)
        assert (waiting.state, waiting.attempt) == (JobState.PENDING, 2)
        assert (done.state, done.attempt) == (JobState.COMPLETED, 2)
        assert done.cpu_seconds["encode"] == before.cpu_seconds["encode"] > 0
        assert done.output.startswith(f"{ctx.tenant}/renditions/{job.id}/a2-")

    async def test_former_attempt_is_fenced(self, studio: Studio, ctx: Context, film: Path) -> None:
        """A worker that still has the attempt before the retry can neither complete nor fail the job."""
        job = await studio.submit(ctx, film)
        former = studio.run(ctx, job, dies_in="publish")
        await studio.work(former)
        await studio.jobs.cancel(ctx, job=job.id)
        waiting = await studio.jobs.retry(ctx, job=job.id)

        await studio.work(former.again())

        assert await studio.jobs.get(ctx, job=job.id) == waiting

    async def test_leaves_one_output(self, studio: Studio, ctx: Context, film: Path) -> None:
        """What an attempt had published when it was cancelled is gone once another has completed."""
        job = await studio.submit(ctx, film)
        await studio.work(studio.run(ctx, job, dies_in="publish"))
        await studio.jobs.cancel(ctx, job=job.id)
        waiting = await studio.jobs.retry(ctx, job=job.id)
        staged = await studio.prefixes(ctx, job)

        await studio.work(studio.run(ctx, waiting))

        done: Job = await studio.jobs.get(ctx, job=job.id)
        assert len(staged) == 1
        assert await studio.prefixes(ctx, job) == {done.output}


class TestProgress:
    async def test_grows(self, studio: Studio, ctx: Context, long_film: Path) -> None:
        """While a film is encoded its progress grows, as a whole and in its rungs, and never falls."""
        job = await studio.submit(ctx, long_film)
        worker = asyncio.create_task(studio.work(studio.run(ctx, job)))
        looks: list[Job] = []

        while not worker.done():
            looks.append(await studio.jobs.get(ctx, job=job.id))
            await asyncio.sleep(0.05)
        await worker
        seen = [one.progress for one in looks]

        assert seen == sorted(seen)
        assert len({one for one in seen if 0.05 < one < 0.9}) > 3
        assert len({one.rung_progress["360p"] for one in looks if one.rung_progress}) > 3
        assert any(one.seconds_left for one in looks)
