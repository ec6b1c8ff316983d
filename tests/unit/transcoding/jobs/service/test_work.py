from vitascope.foundation.ids import RandomIds
from vitascope.transcoding.jobs.contracts import JobId
from vitascope.transcoding.jobs.service.work import Attempt


class TestAttempt:
    def test_is_known_by_its_workflow(self) -> None:
        """The id of the durable work names the attempt, and each attempt has another."""
        job = RandomIds().new(JobId)
        first, second = Attempt(job=job, number=1), Attempt(job=job, number=12)

        assert first.workflow != second.workflow
        assert Attempt.of_workflow(second.workflow) == second
