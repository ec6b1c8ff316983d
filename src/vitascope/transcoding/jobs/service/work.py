"""The durable work of jobs."""

from dataclasses import dataclass

from vitascope.foundation.workflows.declaration import Work
from vitascope.transcoding.jobs.contracts import JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a job; a retry is another."""

    job: JobId
    number: int

    @property
    def workflow(self) -> str:
        """The id of the durable work."""
        return f"{self.job}-a{self.number}"

    @classmethod
    def of_workflow(cls, workflow: str) -> "Attempt":
        """The attempt that a durable work's id names."""
        job, _, number = workflow.rpartition("-a")
        return cls(job=JobId(job), number=int(number))


TRANSCODE: Work[Attempt] = Work("transcoding.jobs.transcode")
