"""Encode a reel in every size at a few qualities, and score each."""

from collections.abc import Iterator, Sequence
from math import exp, log
from pathlib import Path
from statistics import fmean

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.analysis import shots, vmaf
from vitascope.transcoding.pipeline.analysis.curve import Curve
from vitascope.transcoding.pipeline.analysis.findings import Point, Size
from vitascope.transcoding.pipeline.analysis.reel import Reel
from vitascope.transcoding.pipeline.codecs import video_options
from vitascope.transcoding.pipeline.contracts import Plan, Rung
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command
from vitascope.transcoding.pipeline.workbench import Workbench

CRFS = (20, 28, 37)
SCORED_EVERY = 7
"""Frames; no divisor of a window's, else the same places would be scored in each, key frames too often."""

_UNBOUNDED = 400_000_000  # bits per second, beyond what any rung may have
_BOUNDS = Bounds(cpu=7200, wall=14400)

Trial = tuple[Size, int]


def run(
    reel: Reel, plan: Plan, sizes: Sequence[Size], *, folder: Path, bench: Workbench
) -> tuple[tuple[Point, ...], float]:
    """What each size costs and looks like at each of a few CRFs; also the CPU seconds."""
    trials = [(size, crf) for size in sizes for crf in CRFS]
    encoding = bench.must(
        Command(
            program=bench.tools.ffmpeg,
            arguments=tuple(_arguments(reel, sizes, folder)),
            readable=(reel.file,),
            writable=(folder,),
        ),
        bounds=_BOUNDS,
    )
    largest = (plan.rungs[0].width, plan.rungs[0].height)
    scores, scoring = vmaf.score(
        reel,
        [vmaf.Encoding(file=_file(folder, trial)) for trial in trials],
        size=vmaf.common_size(*largest),
        every=SCORED_EVERY,
        folder=folder,
        bench=bench,
    )
    points = tuple(
        Point(
            size.width,
            size.height,
            crf,
            _rate(_file(folder, (size, crf)), plan, reel),
            round(fmean(of_trial), 2),
        )
        for (size, crf), of_trial in zip(trials, scores, strict=True)
    )
    return points, encoding.cpu + scoring


def _file(folder: Path, trial: Trial) -> Path:
    size, crf = trial
    return folder / f"trial-{size.lines}-{crf}.mp4"


def _arguments(reel: Reel, sizes: Sequence[Size], folder: Path) -> Iterator[str]:
    yield from ("-nostdin", "-hide_banner", "-v", "error", "-y", *reel.as_input())
    yield from ("-filter_complex", ";".join(_graph(sizes)))
    for size in sizes:
        for crf in CRFS:
            # One thread: x264's output depends on how many it has, and a plan must not.
            options = video_options(_rung(size, crf), gop=shots.FRAMES, threads=1)
            yield from ("-map", f"[v{size.lines}x{crf}]", *options, str(_file(folder, (size, crf))))


def _rung(size: Size, crf: int) -> Rung:
    """A rung without a ceiling: what is in the windows must not depend on which came before."""
    return Rung(
        name="trial",
        width=size.width,
        height=size.height,
        profile=size.profile,
        crf=crf,
        max_rate=_UNBOUNDED,
        buffer=_UNBOUNDED,
    )


def _graph(sizes: Sequence[Size]) -> Iterator[str]:
    yield f"[0:v]split={len(sizes)}" + "".join(f"[s{size.lines}]" for size in sizes)
    for number, size in enumerate(sizes):
        scaling = f"scale={size.width}:{size.height}:flags=bicubic,setsar=1," if number else ""
        yield f"[s{size.lines}]{scaling}split={len(CRFS)}" + "".join(f"[v{size.lines}x{crf}]" for crf in CRFS)


def _rate(file: Path, plan: Plan, reel: Reel) -> int:
    """The bits per second that the whole film would have."""
    keys, sizes = set(mp4.read_track(file).sync), mp4.read_sizes(file)
    by_frame = rate_of(
        key=[size for number, size in enumerate(sizes) if number in keys],
        other=[size for number, size in enumerate(sizes) if number not in keys],
        group=min(plan.gop, max(window.first + window.frames for window in reel.windows)),
    )
    return max(1, round(by_frame * 8 * plan.frame_rate.numerator / plan.frame_rate.denominator))


def rate_of(*, key: Sequence[int], other: Sequence[int], group: int) -> float:
    """Bytes for a frame, in groups of so many frames, by the sizes of key frames and of the others.

    Windows are shorter than groups, so their key frames must not count as often as they occur.
    """
    if not other:
        return fmean(key)
    return (fmean(key) + (group - 1) * fmean(other)) / group


def estimates(trials: Sequence[Point]) -> tuple[Point, ...]:
    """A point for each whole CRF between those that were tried, for each size."""
    by_size: dict[tuple[int, int], list[Point]] = {}
    for point in trials:
        by_size.setdefault(point.size, []).append(point)
    return tuple(point for of_size in by_size.values() for point in _between(of_size))


def _between(trials: Sequence[Point]) -> Iterator[Point]:
    tried = sorted(trials, key=lambda point: point.crf)
    crfs = [float(point.crf) for point in tried]
    rates = Curve(crfs, [log(point.rate) for point in tried])
    scores = Curve(crfs, [point.vmaf for point in tried])
    for crf in range(tried[0].crf, tried[-1].crf + 1):
        yield Point(*tried[0].size, crf, round(exp(rates(crf))), round(scores(crf), 2))
