import pytest

from vitascope.transcoding.jobs.service.progress import STAGES, Meter, overall
from vitascope.transcoding.pipeline.contracts import Progress


class TestOverall:
    def test_runs_from_nothing_to_all(self) -> None:
        """The first stage begins at 0, the last ends at 1, and each begins where the one before ends."""
        begins = [overall(stage, 0) for stage in STAGES]
        ends = [overall(stage, 1) for stage in STAGES]

        assert (begins[0], ends[-1]) == (0, 1)
        assert begins[1:] == pytest.approx(ends[:-1])

    @pytest.mark.parametrize(("told", "meant"), [(-1, 0), (7, 1)])
    def test_stays_within_its_stage(self, told: float, meant: float) -> None:
        """A fraction that cannot be is taken for the nearest that can."""
        assert overall("encode", told) == overall("encode", meant)


class TestMeter:
    def test_shows_the_newest(self) -> None:
        """What was heard last is shown, with the stage that it was about."""
        meter = Meter("package")

        meter.hear(Progress(stage="encode", fraction=0.2))
        meter.hear(Progress(stage="encode", fraction=0.5))

        assert meter.newest == ("encode", overall("encode", 0.5))

    def test_moves_its_own_stage(self) -> None:
        """A stage that runs no program tells its part itself."""
        meter = Meter("publish")

        meter.move(0.5)

        assert meter.newest == ("publish", overall("publish", 0.5))
