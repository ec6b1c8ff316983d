"""What transcoding tells."""

from dataclasses import dataclass

from vitascope.foundation.context import AccountId
from vitascope.foundation.events.types import event
from vitascope.transcoding.jobs.contracts import JobId


@event("transcoding.jobs.job_submitted", version=1)
class JobSubmitted:
    """A job was queued."""

    job: JobId
    source: str
    filename: str
    owner: AccountId | None


@event("transcoding.jobs.job_started", version=1)
class JobStarted:
    """A worker took the job, for the first time or again after a retry."""

    job: JobId
    attempt: int


@event("transcoding.jobs.job_playable", version=1)
class JobPlayable:
    """The film plays already, in one quality, from what lies below `output`; the job goes on to make all.

    What lies there stays for a while after `JobCompleted` has named another place, for those who watch.
    """

    job: JobId
    source: str
    output: str
    duration: float
    width: int
    height: int


@event("transcoding.jobs.job_completed", version=1)
class JobCompleted:
    """All renditions are made, verified and lie below `output`; `duration` in seconds."""

    job: JobId
    source: str
    output: str
    duration: float
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RungMetered:
    """What one rung, or the sound, took: CPU seconds, and the bytes that were encoded."""

    name: str
    cpu_seconds: float
    bytes: int


@event("transcoding.jobs.job_metered", version=1)
class JobMetered:
    """What an ended attempt has used, whether it completed or not, beyond what was told before."""

    job: JobId
    attempt: int
    cpu_seconds: float
    stored_bytes: int
    rungs: tuple[RungMetered, ...]


@event("transcoding.jobs.job_failed", version=1)
class JobFailed:
    """The job ended without a result; `problem_type` and `detail` say why."""

    job: JobId
    source: str
    problem_type: str
    detail: str


@event("transcoding.jobs.job_cancelled", version=1)
class JobCancelled:
    """Somebody stopped the job."""

    job: JobId
    source: str
