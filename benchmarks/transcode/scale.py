"""How much faster sixteen workers would be than one: recorded tasks, simulated workers.

Recorded, on this machine: how long each chunk of a minute of 1080p takes a worker with one core, the
sound, the joining, and how long a worker that is free waits for its next task. Simulated: a film of ten
such minutes, encoded and joined by sixteen such workers, who take its tasks in the order of the real
queue: the sound, then the chunks as they come. Packaging, which follows, is not part of it.
"""

import heapq
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.figure import Figure, Target, seconds
from benchmarks.transcode.films import TOOLS, WORKERS, minute, planned, versions
from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import Chunk
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench

_MANY = 16
_LENGTHS = 10  # of the recorded film: ten minutes


class Recorded(Struct, frozen=True):
    """Seconds: cutting, each task in the order of the queue, waiting for a task, joining, all of it."""

    cutting: float
    tasks: tuple[float, ...]
    delay: float
    joining: float
    wall: float

    def longer(self, times: int) -> "Recorded":
        """The same of a film so many times as long; only the wall is not known."""
        sound, *chunks = self.tasks
        return Recorded(
            cutting=self.cutting * times,
            tasks=(sound * times, *chunks * times),
            delay=self.delay,
            joining=self.joining * times,
            wall=0.0,
        )


def figures() -> Iterator[Figure]:
    """One recording with each number of workers: it takes minutes, and its chunks are its samples."""
    with tempfile.TemporaryDirectory(prefix="vitascope-bench-") as name:
        folder = Path(name)
        film = planned(minute(folder))
        alone = _record(film, work=folder / "one", workers=1)
        pair = _record(film, work=folder / "two", workers=WORKERS)
    ten = alone.longer(_LENGTHS)
    yield Figure(
        name="transcode.scale16",
        value=makespan(ten, workers=1) / makespan(ten, workers=_MANY),
        unit=f"times as fast with {_MANY} simulated workers, {len(ten.tasks)} tasks",
        against=f"{WORKERS} workers, measured",
        against_value=alone.wall / pair.wall,
        target=Target("value", ">=", 14),
        versions=versions(),
    )


def makespan(recorded: Recorded, *, workers: int) -> float:
    """When this many workers have done all tasks, taken in order by whoever is free, and joined them."""
    free = [0.0] * workers
    for number, task in enumerate(recorded.tasks):
        # The film is still being cut while its first chunks are encoded.
        known = recorded.cutting * number / len(recorded.tasks)
        heapq.heappush(free, max(heapq.heappop(free), known) + recorded.delay + task)
    return max(free) + recorded.joining


def _record(film: Film, *, work: Path, workers: int) -> Recorded:
    """Encode and join with this many workers, each task timed by who does it."""
    pipeline = Pipeline(Workbench(tools=TOOLS, workers=workers))
    chunks: list[Chunk] = []
    began = time.perf_counter()
    cutting = seconds(lambda: pipeline.cut(film, found=chunks.append))
    done = _times(
        [
            lambda: pipeline.encode_sound(film, work=work),
            *(_encoding(pipeline, film, chunk, work) for chunk in chunks),
        ],
        workers=workers,
    )
    joining = seconds(lambda: pipeline.assemble(film, chunks, work=work))
    return Recorded(
        cutting=cutting,
        tasks=tuple(end - start for start, end in done),
        delay=_delay(done) if workers == 1 else 0.0,
        joining=joining,
        wall=time.perf_counter() - began,
    )


def _encoding(pipeline: Pipeline, film: Film, chunk: Chunk, work: Path) -> Callable[[], object]:
    return lambda: pipeline.encode_chunk(film, chunk, film.plan.rungs, work=work)


def _times(tasks: Sequence[Callable[[], object]], *, workers: int) -> list[tuple[float, float]]:
    """When each task was taken and when it was done."""

    def timed(task: Callable[[], object]) -> tuple[float, float]:
        began = time.perf_counter()
        task()
        return began, time.perf_counter()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(timed, tasks))


def _delay(done: Sequence[tuple[float, float]]) -> float:
    """How long the only worker waits between the end of a task and the next."""
    return statistics.fmean(after[0] - before[1] for before, after in itertools.pairwise(done))
