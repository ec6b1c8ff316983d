import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.transcoding.pipeline.analysis.made import RUNGS, SIZES
from tests.unit.transcoding.pipeline.test_ladder import video

from vitascope.transcoding.pipeline.analysis.sizes import ceiling, lines_of, sizes_under
from vitascope.transcoding.pipeline.ladder import rungs_for


class TestSizes:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ((3840, 2160), [(1920, 1080), (1280, 720), (960, 540), (640, 360), (416, 234)]),
            ((1280, 720), [(1280, 720), (960, 540), (640, 360), (416, 234)]),
            ((720, 1280), [(720, 1280), (540, 960), (360, 640), (234, 416)]),
            ((1920, 804), [(1920, 804), (1280, 536), (960, 402), (640, 268), (416, 174)]),
            ((64, 36), [(64, 36)]),
            ((1, 1), [(2, 2)]),
        ],
    )
    def test_shape(self, source: tuple[int, int], expected: list[tuple[int, int]]) -> None:
        """The largest rung's size comes first, the usual ones below it have its shape."""
        sizes = sizes_under(rungs_for(video(*source)))

        assert [(size.width, size.height) for size in sizes] == expected

    @given(st.integers(2, 9000), st.integers(2, 9000))
    def test_never_beyond_the_source(self, width: int, height: int) -> None:
        """No size is larger than the source, each has a name of its own, and ceilings fall with size."""
        sizes = sizes_under(rungs_for(video(width, height)))

        assert all(2 <= size.width <= width and 2 <= size.height <= height for size in sizes)
        assert all(size.width % 2 == size.height % 2 == 0 for size in sizes)
        assert len({size.lines for size in sizes}) == len(sizes)
        ceilings = [size.max_rate for size in sizes]
        assert ceilings == sorted(ceilings, reverse=True)

    def test_ceilings(self) -> None:
        """A size of the fixed ladder keeps its ceiling; one between two has one between theirs."""
        by_lines = {size.lines: size.max_rate for size in SIZES}

        assert (by_lines[1080], by_lines[720], by_lines[360]) == (5_000_000, 2_800_000, 800_000)
        assert 1_400_000 < by_lines[540] < 2_800_000
        assert by_lines[234] < 800_000

    def test_smallest_ceiling(self) -> None:
        """However small a picture is, it may have a little, but no more than a larger one."""
        assert ceiling(4, RUNGS) == 100_000
        assert ceiling(4, RUNGS[:1]) == 100_000

    @pytest.mark.parametrize(
        ("size", "lines"), [((1920, 1080), 1080), ((1920, 804), 1080), ((608, 1080), 608), ((854, 480), 480)]
    )
    def test_lines(self, size: tuple[int, int], lines: int) -> None:
        """The lines of a picture are those of the least 16:9 box around it, upright or not."""
        assert lines_of(*size) == lines
