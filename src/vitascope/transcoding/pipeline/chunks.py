"""Where a film is cut: at groups of pictures, near key frames of the source, into parts of like cost.

A chunk is a whole number of groups, so every rung has its key frames at the same times whether the film
is encoded in one piece or in many. To encode a chunk, the source is decoded from the key frame before
it: the nearer that is, the less is decoded twice. Encoders put key frames at scene cuts, so the cuts
follow the scenes.
"""

from collections.abc import Callable
from math import ceil

from vitascope.transcoding.pipeline.contracts import Chunk, Plan

SPLITTABLE = frozenset({"mov", "matroska"})
"""Demuxers that find the key frame before a time reliably."""

_PIXELS_PER_CHUNK = 640_000_000  # of all rungs together: some 15 seconds of one core
_LEAST_SECONDS, _MOST_SECONDS = 4.0, 30.0
_ROUNDING = 1e-3  # seconds: times are read as decimals, and Matroska tells milliseconds
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
        self._number, self._first = 0, 0  # of the chunk that is open; its first group
        self._keys: list[float] = []

    def key_frame(self, seconds: float) -> None:
        """The source has a key frame here, `seconds` after its start; they come in order of time."""
        if self._keys and seconds <= self._keys[-1]:
            return
        self._keys.append(seconds)
        while self._time(self._places()[-1]) <= seconds:
            self._cut(self._best_place())

    def finish(self, seconds: float) -> None:
        """The last picture of the source ends here."""
        while self._time(self._places()[-1]) < seconds:
            self._cut(self._best_place())
        self._found(Chunk(number=self._number, first=self._first * self._plan.gop, frames=None))

    def _time(self, group: int) -> float:
        return self._plan.frame_rate.seconds(group * self._plan.gop)

    def _places(self) -> range:
        """The groups at which the open chunk may end."""
        length = self._length()
        reach = int(length * _STRETCH)
        return range(self._first + max(1, length - reach), self._first + length + reach + 1)

    def _length(self) -> int:
        """The groups that the open chunk should have: the usual number, or as many as are decoded twice.

        So even a film with a single key frame is decoded no more than twice in all.
        """
        return max(self._usual, ceil(self._decoded_twice(self._first) / self._plan.segment_seconds))

    def _best_place(self) -> int:
        """The group at which to cut: where least of the film is decoded twice, then as usual."""
        usual = self._first + self._length()
        return min(self._places(), key=lambda place: (self._share_twice(place), abs(place - usual)))

    def _share_twice(self, group: int) -> float:
        return round(self._decoded_twice(group) / self._time(group - self._first), 3)

    def _decoded_twice(self, group: int) -> float:
        """The seconds between a group and the key frame before it."""
        time = self._time(group)
        before = max((key for key in self._keys if key <= time + _ROUNDING), default=0.0)
        return max(0.0, time - before)

    def _cut(self, group: int) -> None:
        first, gop = self._first, self._plan.gop
        self._found(Chunk(number=self._number, first=first * gop, frames=(group - first) * gop))
        self._number, self._first = self._number + 1, group
        # The key frame before the cut still counts: a film may have few.
        start = self._time(group) + _ROUNDING
        kept = [key for key in self._keys if key <= start][-1:]
        self._keys = kept + [key for key in self._keys if key > start]
