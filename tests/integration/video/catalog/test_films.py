from dataclasses import replace

from tests.integration.video.conftest import Studio

from vitascope.foundation.context import Context
from vitascope.foundation.events.subscriptions import rewind
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.contracts import JobState
from vitascope.transcoding.jobs.events import JobCancelled, JobFailed, JobPlayable, JobStarted
from vitascope.video.catalog.contracts import Title, TitleState
from vitascope.video.catalog.events import TitleDrafted, TitleFailed, TitlePublished, TitleReady
from vitascope.video.catalog.service.films import FilmService
from vitascope.video.catalog.service.titles import TitleService


async def _own(studio: Studio, ctx: Context) -> list[Title]:
    return list(await studio.titles.own(ctx, after=None, limit=10))


class TestDraft:
    async def test_upload_becomes_a_title_with_a_job(self, ctx: Context, studio: Studio) -> None:
        """A whole file becomes a title in the making, whose job reads that file in its owner's name."""
        upload = await studio.upload(ctx, title="The Kiss")

        (title,) = await _own(studio, ctx)
        (job,) = studio.transcoding.jobs.values()
        assert (title.name, title.state, title.owner) == ("The Kiss", TitleState.PROCESSING, upload.owner)
        assert (title.job, job.source, job.owner) == (job.id, upload.object_key, upload.owner)

    async def test_the_name_is_the_file_name_without_its_ending(self, ctx: Context, studio: Studio) -> None:
        """Who gives no name gets the file's, without its ending and control characters."""
        await studio.upload(ctx, title=None, filename="The\x07 Kiss\n(1896).final.mp4")

        (title,) = await _own(studio, ctx)
        assert title.name == "The Kiss (1896).final"

    async def test_hearing_of_an_upload_again_changes_nothing(
        self, ctx: Context, studio: Studio, platform: PlatformUnderTest
    ) -> None:
        """An upload makes one title and one job, however often its event is heard."""
        await studio.upload(ctx)

        await rewind(platform.db, name="video.catalog")
        await platform.pump()

        assert len(await _own(studio, ctx)) == len(studio.transcoding.jobs) == 1
        assert len(await platform.events(TitleDrafted)) == 1


class TestJobEnds:
    async def test_completed_film_is_ready_and_hidden(self, ctx: Context, studio: Studio) -> None:
        """A film whose uploader did not ask for more is ready and waits to be published."""
        title = await studio.film(ctx, publish=False)

        assert (title.state, title.published_at) == (TitleState.READY, None)
        assert (title.duration, title.width, title.height) == (18.0, 1280, 720)

    async def test_completed_film_is_published_on_request(
        self, ctx: Context, studio: Studio, platform: PlatformUnderTest
    ) -> None:
        """A film whose uploader asked for it is published as soon as it plays."""
        title = await studio.film(ctx, publish=True)

        assert title.published_at is not None
        assert await platform.events(TitleReady, TitlePublished) == [
            TitleReady(title=title.id, duration=18.0),
            TitlePublished(title=title.id, visibility=title.visibility),
        ]

    async def test_hidden_while_in_the_making_stays_hidden(self, ctx: Context, studio: Studio) -> None:
        """Who unpublishes a title in the making takes the request to publish it back."""
        draft = await studio.draft(ctx, publish=True)
        await studio.titles.unpublish(ctx, title=draft.id)

        ready = await studio.complete(ctx, draft)

        assert ready.published_at is None

    async def test_a_second_completion_does_not_publish_what_was_hidden(
        self, ctx: Context, studio: Studio
    ) -> None:
        """A title that was published and then hidden stays hidden when its job completes again."""
        title = await studio.film(ctx, publish=True)
        await studio.titles.unpublish(ctx, title=title.id)

        again = await studio.complete(ctx, title)

        assert again.published_at is None

    async def test_plays_before_its_job_ends(
        self, ctx: Context, studio: Studio, platform: PlatformUnderTest
    ) -> None:
        """A film that plays already is published, once; when its job completes it plays from elsewhere."""
        draft = await studio.draft(ctx, publish=True)
        assert draft.job is not None
        job = studio.transcoding.jobs[draft.job]
        first = f"{job.output}first/"
        told = JobPlayable(job=job.id, source=job.source, output=first, duration=18.0, width=1280, height=720)
        await studio.tell(ctx, told, subject=job.id)
        (playing,) = await _own(studio, ctx)

        complete = await studio.complete(ctx, draft)

        assert (playing.state, playing.output) == (TitleState.READY, first)
        assert playing.published_at is not None
        assert (complete.state, complete.published_at) == (TitleState.READY, playing.published_at)
        assert complete.output not in {first, None}
        assert [type(one) for one in await platform.events(TitleReady, TitlePublished)] == [
            TitleReady,
            TitlePublished,
        ]

    async def test_failure_is_told(self, ctx: Context, studio: Studio, platform: PlatformUnderTest) -> None:
        """A failed job makes its title failed, with the job's problem."""
        draft = await studio.draft(ctx)
        assert draft.job is not None
        job = studio.transcoding.end(draft.job, JobState.FAILED)
        failed = JobFailed(job=job.id, source=job.source, problem_type="vitascope:not-a-film", detail="Text.")

        await studio.tell(ctx, failed, subject=job.id)

        (title,) = await _own(studio, ctx)
        assert title.state is TitleState.FAILED
        assert title.problem == {"type": "vitascope:not-a-film", "detail": "Text."}
        assert await platform.events(TitleFailed) == [TitleFailed(title=title.id, detail="Text.")]

    async def test_retried_film_is_processing_and_then_ready(self, ctx: Context, studio: Studio) -> None:
        """A failed title whose job is tried again forgets its problem and becomes ready."""
        draft = await studio.draft(ctx)
        assert draft.job is not None
        job = studio.transcoding.end(draft.job, JobState.CANCELLED)
        await studio.tell(ctx, JobCancelled(job=job.id, source=job.source), subject=job.id)
        (cancelled,) = await _own(studio, ctx)

        await studio.tell(ctx, JobStarted(job=job.id, attempt=2), subject=job.id)
        (retried,) = await _own(studio, ctx)
        ready = await studio.complete(ctx, retried)

        assert [one.state for one in (cancelled, retried, ready)] == [
            TitleState.FAILED,
            TitleState.PROCESSING,
            TitleState.READY,
        ]
        assert cancelled.problem is not None
        assert (retried.problem, ready.problem) == (None, None)


class TestErase:
    async def test_removed_title_leaves_no_file(
        self, ctx: Context, studio: Studio, platform: PlatformUnderTest
    ) -> None:
        """Removing a title deletes its master and its renditions, and nothing else."""
        title, other = await studio.film(ctx), await studio.film(ctx)

        await platform.container.get(TitleService).remove(ctx, title=title.id)
        await platform.pump()

        assert title.output is not None
        assert other.output is not None
        kept = await studio.keys()
        assert not [key for key in kept if key.startswith(title.output.partition("/")[2])]
        assert len(kept) == 3  # the other's master, manifest and poster

    async def test_removed_title_stops_its_job(
        self, ctx: Context, studio: Studio, platform: PlatformUnderTest
    ) -> None:
        """The job of a title that is removed in the making is cancelled."""
        draft = await studio.draft(ctx)

        await platform.container.get(TitleService).remove(ctx, title=draft.id)
        await platform.pump()

        (job,) = studio.transcoding.jobs.values()
        assert job.state is JobState.CANCELLED
        assert await studio.keys() == []

    async def test_title_removed_before_its_job_was_noted(
        self, ctx: Context, studio: Studio, platform: PlatformUnderTest
    ) -> None:
        """A job that was submitted while its title was removed is cancelled as well."""
        draft = await studio.draft(ctx)
        assert draft.job is not None
        studio.transcoding.jobs[draft.job] = replace(
            studio.transcoding.jobs[draft.job], state=JobState.PENDING
        )
        films = platform.container.get(FilmService)

        await films.attach(ctx, title=studio.new_title(), job=draft.job)

        assert studio.transcoding.jobs[draft.job].state is JobState.CANCELLED
