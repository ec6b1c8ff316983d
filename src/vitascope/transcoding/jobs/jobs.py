"""The durable work of transcoding."""

from datetime import datetime

from vitascope.foundation.wiring import Provided
from vitascope.foundation.workflows.declaration import Queue, Run, durable, scheduled
from vitascope.transcoding.jobs.service.janitor import Janitor
from vitascope.transcoding.jobs.service.outcomes import Failure
from vitascope.transcoding.jobs.service.transcoder import Transcoder, Transcoding
from vitascope.transcoding.jobs.service.work import TRANSCODE, Attempt
from vitascope.transcoding.pipeline.contracts import TranscodeCancelled

# A job mostly waits for its parts, which the crews encode in their turn: it must not itself wait behind
# another tenant's that is long.
QUEUE = Queue(name="transcode", per_worker=200)


@durable(TRANSCODE.name, queue=QUEUE)
async def transcode(
    run: Run, attempt: Attempt, transcoder: Provided[Transcoder], janitor: Provided[Janitor]
) -> None:
    """Make a set of renditions of a film; after a crash only the interrupted step runs again."""
    work = transcoder.take(run, attempt)
    try:
        await _go_through(run, work)
    except TranscodeCancelled:
        pass  # its state says so already
    except Exception as failure:  # noqa: BLE001 - whatever it was, the job has failed and says why
        await run.step("fail", work.fail, Failure.of(failure))
    await run.step("clear", work.clear)
    # The clock starts `tidy` on one machine only; so each looks after its own disk when it has done a job.
    await run.step("tidy", janitor.clear_scratch)


async def _go_through(run: Run, work: Transcoding) -> None:
    source = await run.step("start", work.start)
    if source is None:
        return
    await run.step("fetch", work.fetch, source)
    media = await run.step("probe", work.probe, source)
    plan = await run.step("plan", work.plan, media)
    await run.step("first", work.first, source, plan)
    await run.step("encode", work.encode, source, plan)
    await run.step("package", work.package, source, plan)
    await run.step("pictures", work.pictures, source, plan)
    made = await run.step("verify", work.verify, source, plan)
    prefix = await run.step("publish", work.publish, source, plan)
    await run.step("complete", work.complete, made, prefix)


@scheduled("transcoding.jobs.tidy", cron="*/10 * * * *")
async def tidy(run: Run, _fired_at: datetime, janitor: Provided[Janitor]) -> None:
    """Remove what ended jobs have left."""
    await run.step("scratch", janitor.clear_scratch)
    await run.step("staged", janitor.clear_staged)
    await run.step("parts", janitor.clear_parts)
