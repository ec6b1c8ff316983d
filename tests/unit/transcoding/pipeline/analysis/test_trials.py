from collections import Counter

import pytest

from vitascope.transcoding.pipeline.analysis.findings import Point
from vitascope.transcoding.pipeline.analysis.shots import FRAMES
from vitascope.transcoding.pipeline.analysis.trials import SCORED_EVERY, estimates, rate_of


class TestRate:
    def test_key_frames_are_rare(self) -> None:
        """A key frame counts once in a group of the film, however many the windows have."""
        assert rate_of(key=[1000, 1200], other=[100] * 38, group=50) == pytest.approx((1100 + 49 * 100) / 50)

    def test_single_frame(self) -> None:
        """Of a single frame there is only a key frame."""
        assert rate_of(key=[1000], other=[], group=1) == 1000


class TestScored:
    def test_all_places(self) -> None:
        """In the long run every place of a window is scored as often as any other, key frames as well."""
        frames = range(0, SCORED_EVERY * FRAMES * 3, SCORED_EVERY)

        places = Counter(frame % FRAMES for frame in frames)

        assert set(places.values()) == {3}
        assert len(places) == FRAMES


class TestEstimates:
    def test_between(self) -> None:
        """Between the trials of a size there is a point for each CRF, rates and quality always falling."""
        tried = [
            Point(640, 360, 28, 250_000, 62.7),
            Point(640, 360, 20, 730_000, 81.3),
            Point(640, 360, 37, 80_000, 27.3),
        ]

        made = estimates(tried)

        assert [point.crf for point in made] == list(range(20, 38))
        assert set(tried) <= set(made)
        assert [point.rate for point in made] == sorted((point.rate for point in made), reverse=True)
        assert [point.vmaf for point in made] == sorted((point.vmaf for point in made), reverse=True)

    def test_each_size(self) -> None:
        """Each size is estimated from its own trials alone."""
        tried = [
            Point(640, 360, 20, 700, 80.0),
            Point(320, 180, 20, 300, 50.0),
            Point(320, 180, 21, 200, 40.0),
        ]

        made = estimates(tried)

        assert set(made) == set(tried)
