import pytest

from vitascope.transcoding.jobs.service.progress import STAGES, Estimate, Meter, Reading, overall
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

        assert meter.newest == Reading(stage="encode", progress=overall("encode", 0.5), stage_progress=0.5)

    def test_moves_its_own_stage(self) -> None:
        """A stage that runs no program tells its part itself."""
        meter = Meter("publish")

        meter.move(0.5, rungs={"360p": 0.25}, seconds_left=7.0)

        assert meter.newest == Reading(
            stage="publish",
            progress=overall("publish", 0.5),
            stage_progress=0.5,
            rungs={"360p": 0.25},
            seconds_left=7.0,
        )


class TestEstimate:
    def test_goes_on_as_lately(self) -> None:
        """What took so long for its part takes as long again for each further such part."""
        estimate = Estimate()
        estimate.seconds_left(0.2, now=100)

        assert estimate.seconds_left(0.4, now=110) == 30

    def test_what_was_found_done_is_no_pace(self) -> None:
        """A job that goes on after a crash is not thought faster for what it had done before."""
        estimate = Estimate()

        assert estimate.seconds_left(0.9, now=100) is None
        assert estimate.seconds_left(0.9, now=200) is None

    def test_begins_anew_after_a_fall(self) -> None:
        """Where less is done than before, what was seen before that says nothing."""
        estimate = Estimate()
        estimate.seconds_left(0.8, now=100)
        estimate.seconds_left(0.1, now=110)

        assert estimate.seconds_left(0.2, now=120) == 80
