"""Where a film is cut: at groups of pictures, near key frames of the source, into parts of like cost.

A chunk is a whole number of groups, so every rung has its key frames at the same times whether the film
is encoded in one piece or in many. To encode a chunk, the source is decoded from the key frame before
it: the nearer that is, the less is decoded twice. Encoders put key frames at scene cuts, so the cuts
follow the scenes.
"""

from collections.abc import Callable

from vitascope.transcoding.pipeline.contracts import Chunk, Plan

SPLITTABLE = frozenset({"mov", "matroska"})
"""Demuxers that find the key frame before a time reliably."""

_PIXELS_PER_CHUNK = 640_000_000  # of all rungs together: some 15 seconds of one core
_LEAST_SECONDS, _MOST_SECONDS = 4.0, 30.0
_STRETCH = 0.4  # of the usual length, by which a cut may be moved to a better place


def groups_per_chunk(plan: Plan) -> int:
    """The usual length of a chunk in groups of pictures."""
    wanted = plan.chunk_seconds
    if wanted is None:
        pixels = sum(rung.width * rung.height for rung in plan.rungs) * plan.frame_rate.hertz
        wanted = min(_MOST_SECONDS, max(_LEAST_SECONDS, _PIXELS_PER_CHUNK / pixels))
    return max(1, round(wanted / plan.segment_seconds))


class Cutter:
    """Cuts a film while its key frames are still being read.

    `found` is given each chunk as soon as its end is known, in order; the last one, by `finish`, has no
    number of frames: it lasts as long as there are pictures.
    """

    def __init__(self, plan: Plan, found: Callable[[Chunk], None]) -> None:
        self._plan, self._found = plan, found
        self._usual = groups_per_chunk(plan)
        self._reach = int(self._usual * _STRETCH)
        self._number, self._first = 0, 0  # of the chunk that is open; its first group
        self._keys: list[float] = []

    def key_frame(self, seconds: float) -> None:
        """The source has a key frame here, `seconds` after its start; they come in order of time."""
        if self._keys and seconds <= self._keys[-1]:
            return
        self._keys.append(seconds)
        while self._time(self._last_place) <= seconds:
            self._cut(self._best_place())

    def finish(self, seconds: float) -> None:
        """The last picture of the source ends here."""
        while self._time(self._first + self._usual + self._reach) < seconds:
            self._cut(self._best_place())
        self._found(Chunk(number=self._number, first=self._first * self._plan.gop, frames=None))

    @property
    def _last_place(self) -> int:
        return self._first + self._usual + self._reach

    def _time(self, group: int) -> float:
        return self._plan.frame_rate.seconds(group * self._plan.gop)

    def _best_place(self) -> int:
        """The group at which to cut: where least must be decoded twice, then nearest to the usual length."""
        usual = self._first + self._usual
        places = range(max(self._first + 1, usual - self._reach), usual + self._reach + 1)
        return min(places, key=lambda place: (self._decoded_twice(place), abs(place - usual)))

    def _decoded_twice(self, group: int) -> float:
        time = self._time(group)
        before = max((key for key in self._keys if key <= time), default=0.0)
        return round(time - before, 3)

    def _cut(self, group: int) -> None:
        first, gop = self._first, self._plan.gop
        self._found(Chunk(number=self._number, first=first * gop, frames=(group - first) * gop))
        self._number, self._first = self._number + 1, group
        # The key frame before the cut still counts: a film may have few.
        start = self._time(group)
        kept = [key for key in self._keys if key <= start][-1:]
        self._keys = kept + [key for key in self._keys if key > start]
