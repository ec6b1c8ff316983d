"""The HTTP side of transcoding jobs."""

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from vitascope.foundation.context import AccountId
from vitascope.foundation.http.auth import SignedIn
from vitascope.foundation.http.pagination import Page, PagingQuery
from vitascope.foundation.wiring import Provided
from vitascope.transcoding.jobs.contracts import Job, JobId, JobPriority, JobState
from vitascope.transcoding.jobs.service.feed import JobFeed
from vitascope.transcoding.jobs.service.jobs import MAX_FILENAME, JobService

router = APIRouter(prefix="/jobs", tags=["jobs"])

_ORDER = "jobs"
_FINAL = {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}
# A stream ends now and then, so that whoever watches signs in afresh.
LIFETIME_SECONDS = 300.0

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {}},
        "description": "Server-sent events named `job`, each a whole job.",
    }
}


class RenditionView(BaseModel):
    """One picture quality of the result."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    name: str
    width: int
    height: int
    codec: str
    average_bandwidth: int
    peak_bandwidth: int


class RungCostView(BaseModel):
    """What one rung, or the sound, has cost."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    name: str
    cpu_seconds: float
    bytes: int


class CostView(BaseModel):
    """What a job has cost, in all of its attempts; known when one has ended."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    cpu_seconds: float = Field(description="Of the encoders.")
    stored_bytes: int = Field(description="What the result takes in the object store.")
    rungs: tuple[RungCostView, ...]


class JobView(BaseModel):
    """A transcoding job."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: JobId
    state: JobState
    stage: str | None = Field(description="What is being done now.")
    progress: float = Field(description="0 to 1, over all stages.")
    filename: str
    source: str
    output: str = Field(description="Where the files lie, or will lie, in the object store.")
    owner: AccountId | None
    attempt: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration: float | None = Field(description="Seconds of film.")
    renditions: tuple[RenditionView, ...]
    warnings: tuple[str, ...]
    seconds: Mapping[str, float] = Field(description="Wall time of each finished stage.")
    cpu_seconds: Mapping[str, float]
    problem: Mapping[str, Any] | None = Field(description="Why it failed (RFC 9457).")
    priority: JobPriority
    stage_progress: float = Field(description="0 to 1, within the stage.")
    rung_progress: Mapping[str, float] = Field(description="0 to 1, within each rung.")
    seconds_left: float | None = Field(description="About how long encoding goes on.")
    cost: CostView


class ChangeView(BaseModel):
    """A state that a job came to."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    state: JobState
    attempt: int
    at: datetime
    account: AccountId | None = Field(description="Who did it; null when a worker did.")
    reason: str | None


class NewJob(BaseModel):
    """A film to transcode."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(min_length=1, max_length=900, description="The key of the uploaded file.")
    filename: str = Field(default="", max_length=MAX_FILENAME, description="How people call it.")
    priority: JobPriority = Field(
        default=JobPriority.NORMAL, description="Which of your jobs goes first; others' are not touched."
    )


IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=200, description="The same key, the same job."),
]


@router.post("", status_code=201)
async def submit(
    *,
    new: NewJob,
    response: Response,
    ctx: SignedIn,
    jobs: Provided[JobService],
    key: IdempotencyKey = None,
) -> JobView:
    """Queue a job. With an `Idempotency-Key`, sending it again answers the first job."""
    named = f"{ctx.account}/{key or uuid4().hex}"
    job = await jobs.submit(ctx, source=new.source, filename=new.filename, key=named, priority=new.priority)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return JobView.model_validate(job)


@router.get("")
async def list_jobs(
    ctx: SignedIn,
    paging: PagingQuery,
    jobs: Provided[JobService],
    state: Annotated[JobState | None, Query(description="Only jobs in this state.")] = None,
) -> Page[JobView]:
    """Your jobs, or for an operator all, newest first."""
    key = paging.after(tuple[UUID], order=_ORDER)
    after = None if key is None else JobId.of(key[0])
    found = await jobs.find(ctx, state=state, after=after, limit=paging.limit + 1)
    return Page[JobView].cut(
        found, limit=paging.limit, order=_ORDER, key=lambda one: (one.id.uuid,), item=JobView.model_validate
    )


@router.get("/events", response_class=StreamingResponse, responses=_STREAM)
async def watch_own(ctx: SignedIn, feed: Provided[JobFeed]) -> StreamingResponse:
    """Your jobs as they change, at first those that run, wait, or have just ended."""
    return _stream(feed.watch(owner=ctx.account), until_final=False)


@router.get("/{job}")
async def show(job: JobId, ctx: SignedIn, jobs: Provided[JobService]) -> JobView:
    """One job."""
    return JobView.model_validate(await jobs.get(ctx, job=job))


@router.get("/{job}/events", response_class=StreamingResponse, responses=_STREAM)
async def watch(
    job: JobId, ctx: SignedIn, jobs: Provided[JobService], feed: Provided[JobFeed]
) -> StreamingResponse:
    """One job as it changes, at first as it stands; the stream ends when the job does."""
    await jobs.get(ctx, job=job)
    return _stream(feed.watch(job=job), until_final=True)


@router.get("/{job}/history")
async def changes(job: JobId, ctx: SignedIn, jobs: Provided[JobService]) -> list[ChangeView]:
    """Every state that the job came to, when, by whom, and why."""
    return [ChangeView.model_validate(one) for one in await jobs.changes(ctx, job=job)]


@router.post("/{job}/cancel")
async def cancel(job: JobId, ctx: SignedIn, jobs: Provided[JobService]) -> JobView:
    """Stop a job and its encoders."""
    return JobView.model_validate(await jobs.cancel(ctx, job=job))


@router.post("/{job}/retry")
async def retry(job: JobId, ctx: SignedIn, jobs: Provided[JobService]) -> JobView:
    """Run a failed or cancelled job again; what it had finished is not done again."""
    return JobView.model_validate(await jobs.retry(ctx, job=job))


def _stream(jobs: AsyncGenerator[list[Job]], *, until_final: bool) -> StreamingResponse:
    return StreamingResponse(
        _written(jobs, until_final=until_final),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _written(jobs: AsyncGenerator[list[Job]], *, until_final: bool) -> AsyncGenerator[str]:
    ends_at = monotonic() + LIFETIME_SECONDS
    async with contextlib.aclosing(jobs):
        async for changed in jobs:
            yield _events(changed)
            ended = until_final and any(job.state in _FINAL for job in changed)
            if ended or monotonic() > ends_at:
                return


def _events(jobs: Sequence[Job]) -> str:
    told = [f"event: job\ndata: {JobView.model_validate(job).model_dump_json()}\n\n" for job in jobs]
    return "".join(told) or ": quiet\n\n"
