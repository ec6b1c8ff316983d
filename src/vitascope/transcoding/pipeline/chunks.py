"""Where a film is cut: at groups of pictures, near key frames of the source, into parts of like cost.

A chunk is a whole number of groups, so every rung has its key frames at the same times whether the film
is encoded in one piece or in many. To encode a chunk, the source is decoded from the key frame before
it: the nearer that is, the less is decoded twice. Encoders put key frames at scene cuts, so the cuts
follow the scenes.
"""

from collections.abc import Callable
from math import ceil, inf

from vitascope.transcoding.pipeline.contracts import Chunk, Plan

SPLITTABLE = frozenset({"mov", "matroska"})
"""Demuxers that find the key frame before a time reliably."""

_PIXELS_PER_CHUNK = 640_000_000  # of all rungs together: some 15 seconds of one core
_LEAST_SECONDS, _MOST_SECONDS = 4.0, 30.0
_ROUNDING = 1e-3  # seconds: times are read as decimals, and Matroska tells milliseconds
_EARLIER, _LATER = 0.4, 1.0  # of its length, by which a chunk may end elsewhere: at a key frame
_LAST = 1.5  # lengths: a rest of less is not cut
_SHARE_OF_REST = 0.25


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
        while self._time(self._first) + _LAST * self._length() * self._plan.segment_seconds < seconds:
            self._cut(self._best_place(before=seconds))
        self._found(Chunk(number=self._number, first=self._first * self._plan.gop, frames=None))

    def _time(self, group: int) -> float:
        return self._plan.frame_rate.seconds(group * self._plan.gop)

    def _places(self) -> range:
        """The groups at which the open chunk may end."""
        length = self._length()
        return range(
            self._first + max(1, length - int(length * _EARLIER)),
            self._first + length + int(length * _LATER) + 1,
        )

    def _length(self) -> int:
        """The groups that the open chunk should have: the usual number, or as many as are decoded twice.

        So even a film with a single key frame is decoded no more than three times. Towards the end of
        the film chunks are shorter: while the last ones are encoded some workers have nothing to do.
        """
        segment, start = self._plan.segment_seconds, self._time(self._first)
        twice = ceil(self._decoded_twice(self._first) / segment)
        if self._plan.duration is None:
            return max(self._usual, twice)
        share = ceil((self._plan.duration - start) / segment * _SHARE_OF_REST)
        return max(ceil(self._usual / 2), min(self._usual, share), twice)

    def _best_place(self, *, before: float = inf) -> int:
        """The group at which to cut: where least of the film is decoded twice, then as usual."""
        usual = self._first + self._length()
        places = (place for place in self._places() if self._time(place) < before)
        return min(places, key=lambda place: (self._share_twice(place), abs(place - usual)))

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
