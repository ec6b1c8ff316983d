"""Points and ladders to test with."""

from math import log

from hypothesis import strategies as st

from vitascope.transcoding.pipeline.analysis.findings import Point, Size
from vitascope.transcoding.pipeline.analysis.sizes import sizes_under
from vitascope.transcoding.pipeline.contracts import Rung

RUNGS = tuple(
    Rung(name=f"{height}p", width=width, height=height, profile="main", crf=23, max_rate=rate, buffer=rate)
    for width, height, rate in (
        (1920, 1080, 5_000_000),
        (1280, 720, 2_800_000),
        (854, 480, 1_400_000),
        (640, 360, 800_000),
    )
)
SIZES = sizes_under(RUNGS)

points = st.lists(
    st.builds(
        Point,
        width=st.just(640),
        height=st.just(360),
        crf=st.integers(20, 37),
        rate=st.integers(1_000, 20_000_000),
        vmaf=st.floats(0, 100).map(lambda vmaf: round(vmaf, 2)),
    ),
    min_size=1,
    max_size=40,
)


def film(*, demand: float, sharpness: float = 1.0, sizes: tuple[Size, ...] = SIZES) -> list[Point]:
    """The estimates of a film: bits per second that 1080p takes at CRF 20, and how soon small sizes blur."""
    made = []
    for size in sizes:
        pixels = size.width * size.height / (1920 * 1080)
        best = 97 + 9 * sharpness * log(pixels)
        for crf in range(20, 38):
            rate = demand * pixels**0.8 * 2 ** (-(crf - 20) / 5.5)
            vmaf = best - 0.12 * (crf - 20) ** 2 * (1 + 0.3 * (1 - pixels))
            made.append(Point(size.width, size.height, crf, max(1, round(rate)), round(max(0.0, vmaf), 2)))
    return made


films = st.builds(film, demand=st.floats(50_000, 30_000_000), sharpness=st.floats(0.1, 2.5))
