from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.transcoding.pipeline.test_filters import PLAN

from vitascope.transcoding.pipeline.chunks import Cutter, groups_per_chunk
from vitascope.transcoding.pipeline.contracts import Chunk, Plan, Rate

_RATES = (Rate(24), Rate(25), Rate(30000, 1001), Rate(24000, 1001), Rate(15000, 1013), Rate(60), Rate(1, 4))
_LONGEST = 3600.0

Cutting = Callable[[Plan, Sequence[float], float], list[Chunk]]


def cut(plan: Plan, keys: Sequence[float], end: float) -> list[Chunk]:
    """The chunks of a film with key frames at these seconds."""
    chunks: list[Chunk] = []
    cutter = Cutter(plan, chunks.append)
    for seconds in keys:
        cutter.key_frame(seconds)
    cutter.finish(end)
    return chunks


def plan_of(*, rate: Rate = PLAN.frame_rate, gop: int = 50, chunk_seconds: float | None = 8.0) -> Plan:
    """A plan that differs from the usual in what the cutter looks at."""
    return msgspec.structs.replace(PLAN, frame_rate=rate, gop=gop, chunk_seconds=chunk_seconds, duration=None)


def lengths(plan: Plan, chunks: Sequence[Chunk]) -> list[int]:
    """The groups in every chunk but the last, whose end nobody tells."""
    return [(after.first - chunk.first) // plan.gop for chunk, after in pairwise(chunks)]


def behind_key(keys: Sequence[float], seconds: float) -> float:
    """How long before this time the last key frame is."""
    return seconds - max((key for key in keys if key <= seconds + 1e-3), default=0.0)


def longest(plan: Plan, keys: Sequence[float], chunk: Chunk) -> int:
    """The groups that a chunk may have at most, by its start."""
    twice = behind_key(keys, plan.frame_rate.seconds(chunk.first))
    return 2 * max(groups_per_chunk(plan), ceil(twice / plan.segment_seconds))


def require_cover(plan: Plan, chunks: Sequence[Chunk]) -> None:
    """Fail unless the chunks follow on each other from the start, in whole groups, to an open end."""
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    assert chunks[0].first == 0
    assert all(chunk.first + (chunk.frames or 0) == after.first for chunk, after in pairwise(chunks))
    assert all(chunk.frames and chunk.frames % plan.gop == 0 for chunk in chunks[:-1])
    assert chunks[-1].frames is None


@st.composite
def films(draw: st.DrawFn) -> tuple[Plan, list[float], float]:
    """A plan, key frames in order, and the end of the film, which is not before the last of them."""
    rate = draw(st.sampled_from(_RATES))
    gop = draw(st.integers(1, 300))
    plan = plan_of(rate=rate, gop=gop, chunk_seconds=draw(st.none() | st.floats(0.1, 60)))
    plan = msgspec.structs.replace(plan, duration=draw(st.none() | st.floats(0.1, 2000)))
    gaps = draw(st.lists(st.floats(0.02, 60), max_size=40))
    keys = [sum(gaps[:number]) for number in range(len(gaps))]
    return plan, keys, sum(gaps) + draw(st.floats(0.001, 30))


class TestCutter:
    @given(films())
    def test_cover(self, film: tuple[Plan, list[float], float]) -> None:
        """Whatever the key frames, the chunks cover the film without gap or overlap, in whole groups."""
        plan, keys, end = film

        chunks = cut(plan, keys, end)

        require_cover(plan, chunks)
        assert plan.frame_rate.seconds(chunks[-1].first) < end

    @given(films())
    def test_lengths(self, film: tuple[Plan, list[float], float]) -> None:
        """A chunk is at most twice as long as usual or as what it decodes twice, and about half at least."""
        plan, keys, end = film
        half = ceil(groups_per_chunk(plan) / 2)

        chunks = cut(plan, keys, end)

        for chunk, groups in zip(chunks, lengths(plan, chunks), strict=False):
            assert 0.6 * half <= groups <= longest(plan, keys, chunk)
        last = (end - plan.frame_rate.seconds(chunks[-1].first)) / plan.segment_seconds
        assert last <= longest(plan, keys, chunks[-1]) + 1e-6

    @given(films())
    def test_decoded_twice(self, film: tuple[Plan, list[float], float]) -> None:
        """However few key frames a film has, little more than its length is decoded a second time."""
        plan, keys, end = film
        rate = plan.frame_rate

        chunks = cut(plan, keys, end)

        twice = sum(behind_key(keys, rate.seconds(chunk.first)) for chunk in chunks[:-1])
        assert twice <= 2 * end + plan.segment_seconds

    @given(films())
    def test_found_early(self, film: tuple[Plan, list[float], float]) -> None:
        """A chunk is told as soon as its end is known, and what comes later does not change it."""
        plan, keys, end = film
        chunks: list[Chunk] = []
        cutter = Cutter(plan, chunks.append)
        for seconds in keys:
            cutter.key_frame(seconds)
        early = list(chunks)

        cutter.finish(end)

        known = keys[-1] if keys else 0.0
        open_chunk = chunks[len(early)]
        behind = (known - plan.frame_rate.seconds(open_chunk.first)) / plan.segment_seconds
        assert chunks[: len(early)] == early
        assert behind < longest(plan, keys, open_chunk) + 1e-6

    @given(films(), st.data())
    def test_repeated_key_frames(self, film: tuple[Plan, list[float], float], data: st.DataObject) -> None:
        """A key frame that is told twice, or late, counts once."""
        plan, keys, end = film
        again = [data.draw(st.integers(0, number)) for number in range(len(keys))]

        noisy = [time for number, key in enumerate(keys) for time in (key, keys[again[number]])]

        assert cut(plan, noisy, end) == cut(plan, keys, end)

    def test_at_key_frames(self) -> None:
        """A film with a key frame now and then is cut where the key frames are."""
        plan = plan_of()
        keys = [0.0, 6.0, 10.0, 14.0, 20.0, 28.0, 34.0, 40.0, 48.0, 54.0]

        chunks = cut(plan, keys, 60.0)

        assert [plan.frame_rate.seconds(chunk.first) for chunk in chunks] == [
            0.0,
            6.0,
            14.0,
            20.0,
            28.0,
            34.0,
            40.0,
            48.0,
        ]

    def test_without_key_frames(self) -> None:
        """A film with one key frame is cut ever more seldom: each chunk is decoded from the start."""
        plan = plan_of()

        chunks = cut(plan, [0.0], 300.0)

        assert lengths(plan, chunks)[:2] == [4, 8]
        assert len(chunks) < 8

    def test_short_towards_the_end(self) -> None:
        """The last chunks of a film are half as long, so that workers come to their end together."""
        plan = msgspec.structs.replace(plan_of(), duration=100.0)

        chunks = cut(plan, [2.0 * number for number in range(50)], 100.0)

        assert lengths(plan, chunks) == [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 3, 2, 2]

    def test_short(self) -> None:
        """A film that is not much longer than a chunk is one."""
        assert cut(plan_of(), [0.0, 5.0], 9.9) == [Chunk(number=0, first=0, frames=None)]

    @pytest.mark.parametrize("mistake", ["overlap", "gap"])
    def test_planted_mistake(self, mistake: str) -> None:
        """The check of the cover catches a cutter that leaves out a group or gives one twice."""
        plan = plan_of()
        shift = {"overlap": -plan.gop, "gap": plan.gop}[mistake]
        chunks = cut(plan, [8.0 * number for number in range(9)], 70.0)
        wrong = [*chunks[:2], msgspec.structs.replace(chunks[2], first=chunks[2].first + shift), *chunks[3:]]

        with pytest.raises(AssertionError):
            require_cover(plan, wrong)


class TestGroupsPerChunk:
    def test_by_pixels(self) -> None:
        """The larger the pictures, the shorter the chunk, so that all chunks take about as long."""
        small = msgspec.structs.replace(PLAN, rungs=PLAN.rungs[1:])

        assert groups_per_chunk(small) > groups_per_chunk(PLAN)

    def test_by_profile(self) -> None:
        """A profile that says how long a chunk is gets the nearest number of groups, at least one."""
        wanted = [groups_per_chunk(plan_of(chunk_seconds=seconds)) for seconds in (0.1, 2.0, 7.0, 60.0)]

        assert wanted == [1, 1, 4, 30]
