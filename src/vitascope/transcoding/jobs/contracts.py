"""What others may ask of transcoding."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from vitascope.foundation.context import AccountId, Context
from vitascope.foundation.errors import Conflict, Invalid, NotFound, TooManyRequests
from vitascope.foundation.ids import Id


class JobId(Id, prefix="job"):
    """A transcoding job."""


class JobState(StrEnum):
    """Where a job is; the last three are final, but a failed or cancelled job can be retried."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class RungCost:
    """What one rung, or the sound, has cost: CPU seconds, and the bytes that were encoded.

    Rungs that were encoded together share the CPU time by their pixels.
    """

    name: str
    cpu_seconds: float
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCost:
    """What a job has cost so far, in all of its attempts: what encoders used, and what is in the store."""

    cpu_seconds: float = 0.0
    stored_bytes: int = 0
    rungs: Sequence[RungCost] = ()


class JobPriority(StrEnum):
    """Which of its jobs a tenant wants first; between tenants it says nothing."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRendition:
    """One picture quality that a completed job made; bit rates in bits per second."""

    name: str
    width: int
    height: int
    codec: str
    average_bandwidth: int
    peak_bandwidth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as its submitter sees it.

    `source` and `output` are object keys, `output` the prefix below which a completed job's files
    lie: `master.m3u8`, `manifest.mpd`, `pictures/poster.jpg`, `pictures/thumbnails.vtt` and what they
    name; before that, the prefix below which they will lie. `progress` runs from 0 to 1 over all
    stages. `problem` is an RFC 9457 object when the job failed. `seconds` is wall time for each
    finished stage, `cpu_seconds` the CPU time of its programs. `duration` is the film's, in seconds.
    `warnings` name what of the film is missing in the result. `stage_progress` runs from 0 to 1 within the
    stage, `rung_progress` within each rung; `seconds_left` is about how long encoding goes on.
    """

    id: JobId
    state: JobState
    filename: str
    source: str
    output: str
    owner: AccountId | None
    attempt: int
    progress: float
    stage: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration: float | None
    renditions: Sequence[JobRendition]
    seconds: Mapping[str, float] = field(default_factory=dict)
    problem: Mapping[str, Any] | None = None
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    priority: JobPriority = JobPriority.NORMAL
    stage_progress: float = 0.0
    rung_progress: Mapping[str, float] = field(default_factory=dict)
    seconds_left: float | None = None
    cost: JobCost = field(default_factory=JobCost)


class NoSuchJob(NotFound):
    """There is no such job."""


class JobIsFinal(Conflict):
    """The job has finished; only a pending or processing job can be cancelled."""


class JobIsActive(Conflict):
    """The job is not finished; only a failed or cancelled job can be retried."""


class NoSuchSource(Invalid):
    """There is no such object; name the key of a file that was uploaded here."""


class TooManyJobs(TooManyRequests):
    """As many jobs as may be unfinished at once wait or run already; try again when one has ended."""


class Jobs(Protocol):
    """The transcoding service."""

    async def submit(
        self,
        ctx: Context,
        *,
        source: str,
        filename: str,
        key: str,
        priority: JobPriority = JobPriority.NORMAL,
    ) -> Job:
        """Queue a job for the object `source`; submitting the same `key` again returns the first job.

        Raises `NoSuchSource` and `TooManyJobs`.
        """

    async def get(self, ctx: Context, *, job: JobId) -> Job:
        """One job; raises `NoSuchJob`."""

    async def find(
        self, ctx: Context, *, state: JobState | None, after: JobId | None, limit: int
    ) -> Sequence[Job]:
        """Jobs, newest first, those before `after` (a job id); an editor sees the own ones only."""

    async def cancel(self, ctx: Context, *, job: JobId) -> Job:
        """Stop the job and its encoders at once; raises `JobIsFinal`."""

    async def retry(self, ctx: Context, *, job: JobId) -> Job:
        """Run a failed or cancelled job again, keeping its finished stages; raises `JobIsActive`."""
