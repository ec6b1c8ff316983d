import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitascope.transcoding.pipeline.contracts import Rate, SourceMedia, VideoTrack
from vitascope.transcoding.pipeline.ladder import own_rungs, plan, rungs_for
from vitascope.transcoding.pipeline.profile import Profile, RungProfile, VideoProfile


def video(width: int, height: int, *, rate: Rate = Rate(25)) -> VideoTrack:  # noqa: B008 - frozen
    """A picture that is shown in this size."""
    return VideoTrack(
        index=0,
        codec="h264",
        width=width,
        height=height,
        display_width=width,
        display_height=height,
        rotation=0,
        frame_rate=rate,
        variable_rate=False,
        pixel_format="yuv420p",
        bit_depth=8,
        transfer=None,
        interlaced=False,
        duration=10.0,
    )


def media(track: VideoTrack) -> SourceMedia:
    """A film of this picture only."""
    return SourceMedia(
        container="mov", size=1, duration=10.0, bitrate=None, video=track, audio=(), text=(), ignored=()
    )


class TestRungs:
    @pytest.mark.parametrize(
        ("size", "expected"),
        [
            ((1920, 1080), [(1920, 1080), (1280, 720), (854, 480), (640, 360)]),
            ((3840, 2160), [(1920, 1080), (1280, 720), (854, 480), (640, 360)]),
            ((1280, 720), [(1280, 720), (854, 480), (640, 360)]),
            ((1080, 1920), [(1080, 1920), (720, 1280), (480, 854), (360, 640)]),
            ((1440, 1080), [(1440, 1080), (960, 720), (640, 480), (480, 360)]),
            ((1920, 804), [(1920, 804), (1280, 536), (854, 358), (640, 268)]),
            ((853, 479), [(640, 360)]),
            ((641, 361), [(640, 360)]),
            ((320, 240), [(320, 240)]),
            ((1, 1), [(2, 2)]),
            ((8000, 100), [(1920, 24), (1280, 16), (854, 10), (640, 8)]),
        ],
    )
    def test_sizes(self, size: tuple[int, int], expected: list[tuple[int, int]]) -> None:
        """A source gets the rungs that it fills, in its own shape, and at least one."""
        rungs = rungs_for(video(*size))

        assert [(rung.width, rung.height) for rung in rungs] == expected

    @given(st.integers(2, 9000), st.integers(2, 9000))
    def test_never_beyond_the_source(self, width: int, height: int) -> None:
        """No rung is larger than its source, every side is even, and rates fall with size."""
        rungs = rungs_for(video(width, height))

        assert all(2 <= rung.width <= width and 2 <= rung.height <= height for rung in rungs)
        assert all(rung.width % 2 == rung.height % 2 == 0 for rung in rungs)
        rates = [rung.max_rate for rung in rungs]
        assert rates == sorted(rates, reverse=True)
        assert len({rung.name for rung in rungs}) == len(rungs)

    def test_high_rate(self) -> None:
        """A film of fifty frames per second may use more bits than one of twenty-five."""
        slow, fast = rungs_for(video(640, 360)), rungs_for(video(640, 360, rate=Rate(50)))

        assert fast[0].max_rate > slow[0].max_rate


class TestPlan:
    @pytest.mark.parametrize(
        ("rate", "gop", "seconds"),
        [
            (Rate(25), 50, 2.0),
            (Rate(30000, 1001), 60, 2.002),
            (Rate(24000, 1001), 48, 2.002),
            (Rate(60), 120, 2.0),
            (Rate(47, 2), 47, 2.0),
            (Rate(23), 46, 2.0),
            (Rate(1, 10), 1, 10.0),
        ],
    )
    def test_group_of_pictures(self, rate: Rate, gop: int, seconds: float) -> None:
        """A group of pictures is the least whole number of frames that lasts two seconds."""
        made = plan(media(video(640, 360, rate=rate)))

        assert made.gop == gop
        assert made.segment_seconds == pytest.approx(seconds)

    def test_same_source_same_plan(self) -> None:
        """The same source always gives the same plan: its checkpoints are found by it."""
        source = media(video(1280, 720))

        assert plan(source) == plan(source)


class TestOwnRungs:
    def test_each_codec(self) -> None:
        """An own rung is made in each codec of the profile, or in the one that it names, H.264 first."""
        profile = VideoProfile(
            codecs=("av1",),
            rungs=(
                RungProfile(height=360, max_rate=700_000),
                RungProfile(height=720, max_rate=1_500_000, codec="av1", crf=40),
            ),
        )

        rungs, warnings = own_rungs(video(1280, 720), profile)

        assert [(rung.name, rung.max_rate) for rung in rungs] == [
            ("360p", 700_000),
            ("720p-av1", 1_500_000),
            ("360p-av1", 455_000),
        ]
        assert rungs[1].crf == 40
        assert warnings == ()

    def test_beyond_the_source(self) -> None:
        """A rung larger than the film is left out with a warning, and never all of H.264."""
        profile = VideoProfile(
            rungs=(
                RungProfile(height=1080, max_rate=3_000_000),
                RungProfile(height=180, max_rate=200_000, codec="vp9"),
            )
        )

        rungs, warnings = own_rungs(video(640, 360), profile)

        assert [(rung.name, rung.codec) for rung in rungs] == [("360p", "h264"), ("180p-vp9", "vp9")]
        assert warnings == ("The film is smaller than the rung of 1080 lines; that rung is left out.",)

    def test_plan(self) -> None:
        """The plan of a profile with rungs of its own has these, and tells what was left out."""
        rung = RungProfile(height=240, max_rate=300_000, crf=30)
        beyond = RungProfile(height=2160, max_rate=9_000_000)

        made = plan(media(video(640, 360)), Profile(video=VideoProfile(rungs=(rung, beyond))))

        assert [(rung.name, rung.crf) for rung in made.rungs] == [("240p", 30)]
        assert len(made.warnings) == 1

    def test_largest(self) -> None:
        """All are scaled from the largest picture, whatever its codec."""
        profile = VideoProfile(
            rungs=(
                RungProfile(height=2160, max_rate=9_000_000, codec="av1"),
                RungProfile(height=1080, max_rate=4_000_000),
            )
        )

        made = plan(media(video(3840, 2160)), Profile(video=profile))

        assert made.largest.name == "2160p-av1"
        assert made.rungs[0].name == "1080p"
