"""How the cost of parts becomes the cost of rungs."""

from vitascope.transcoding.jobs.contracts import JobCost, RungCost
from vitascope.transcoding.jobs.repository.parts import Spent
from vitascope.transcoding.jobs.service.metering import added, cost_by_rung

_PIXELS = {"360p": 100, "720p": 300}


class TestCostByRung:
    def test_shared_by_pixels(self) -> None:
        """Rungs that were encoded together share the CPU time by their pixels, and have their own bytes."""
        part = Spent(rungs=["360p", "720p"], cpu_seconds=8.0, sizes={"360p": 10, "720p": 30})

        assert cost_by_rung([part, part], pixels=_PIXELS) == (
            RungCost(name="360p", cpu_seconds=4.0, bytes=20),
            RungCost(name="720p", cpu_seconds=12.0, bytes=60),
        )

    def test_sound(self) -> None:
        """The sound is told beside the rungs."""
        sound = Spent(rungs=[], cpu_seconds=0.5, sizes={"sound": 7})

        assert cost_by_rung([sound], pixels=_PIXELS) == (RungCost(name="sound", cpu_seconds=0.5, bytes=7),)

    def test_nothing_was_made(self) -> None:
        """A part that never ended has cost nothing that is known."""
        assert cost_by_rung([Spent(rungs=["360p"], cpu_seconds=0.0, sizes={})], pixels=_PIXELS) == ()


class TestAdded:
    def test_attempts_add_up(self) -> None:
        """A retry adds its CPU seconds; bytes are those of what is there now."""
        first = JobCost(cpu_seconds=2.0, rungs=[RungCost(name="360p", cpu_seconds=2.0, bytes=10)])
        again = JobCost(
            cpu_seconds=1.0, stored_bytes=99, rungs=[RungCost(name="360p", cpu_seconds=1.0, bytes=11)]
        )

        assert added(first, again) == JobCost(
            cpu_seconds=3.0, stored_bytes=99, rungs=(RungCost(name="360p", cpu_seconds=3.0, bytes=11),)
        )
