"""What transcoding costs: over bare programs, over a peer, in memory, under kills, on many workers.

Runs of a minute or more are measured three times and their median is told; shorter ones, five times.
"""

from collections.abc import Callable, Iterator, Mapping

from benchmarks.figure import Figure
from benchmarks.transcode import killed, memory, one_job, scale, streamer

PARTS: Mapping[Callable[[], Iterator[Figure]], tuple[str, ...]] = {
    one_job.figures: (
        "transcode.overhead",
        "transcode.parallel",
        "transcode.cpu",
        "transcode.packaging",
    ),
    streamer.figures: ("transcode.shaka_streamer",),
    memory.figures: ("transcode.memory",),
    killed.figures: ("transcode.killed",),
    scale.figures: ("transcode.scale16",),
}
