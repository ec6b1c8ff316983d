import pytest
from benchmarks.transcode import PARTS
from benchmarks.transcode.scale import Recorded, makespan

RECORDED = Recorded(cutting=0.0, tasks=(3.0, 2.0, 2.0, 1.0), delay=0.0, joining=1.0, wall=9.0)


class TestMakespan:
    @pytest.mark.parametrize(("workers", "wall"), [(1, 9.0), (2, 5.0), (4, 4.0), (16, 4.0)])
    def test_workers(self, workers: int, wall: float) -> None:
        """Whoever is free takes the next task; when the last is done, one joins them all."""
        assert makespan(RECORDED, workers=workers) == wall

    def test_delay(self) -> None:
        """Every task waits to be taken, and none is taken before the film is cut so far."""
        slow = Recorded(cutting=8.0, tasks=RECORDED.tasks, delay=0.5, joining=1.0, wall=9.0)

        assert makespan(slow, workers=1) == 11.0
        assert makespan(slow, workers=4) == 8.5

    def test_longer(self) -> None:
        """A film twice as long has its chunks twice, one sound twice as long, and one joining."""
        longer = RECORDED.longer(2)

        assert longer.tasks == (6.0, 2.0, 2.0, 1.0, 2.0, 2.0, 1.0)
        assert longer.joining == 2.0


class TestParts:
    def test_names(self) -> None:
        """Every figure of transcoding is measured by one function, and can be asked for alone."""
        names = [name for part in PARTS.values() for name in part]

        assert len(set(names)) == len(names) == 8
        assert all(name.startswith("transcode.") for name in names)
