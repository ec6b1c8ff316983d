import pytest

from vitascope.transcoding.pipeline.contracts import MediaRejected, NotMedia, Rate


class TestRate:
    def test_exact(self) -> None:
        """A rate keeps its fraction, and is shown rounded."""
        rate = Rate(30000, 1001)

        assert (str(rate), rate.hertz, rate.frames(2.0)) == ("30000/1001", 29.97, 60)
        assert rate.seconds(60) == pytest.approx(2.002)


class TestErrors:
    def test_problem(self) -> None:
        """A refused film is the caller's to mend: a 422 with a stable type."""
        problem = NotMedia(field="file").problem()

        assert issubclass(NotMedia, MediaRejected)
        assert (problem["type"], problem["status"], problem["field"]) == ("vitascope:not-media", 422, "file")
