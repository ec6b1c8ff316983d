import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitascope.transcoding.pipeline.chapters import (
    arranged,
    as_json,
    as_webvtt,
    chapters_of,
    plain,
    read_chapters,
)
from vitascope.transcoding.pipeline.contracts import Chapter, TrackRejected

TIMES = st.floats(min_value=-10, max_value=200) | st.just(1e300)


def chapter(start: float, title: str = "", *, end: float = 0.0) -> Chapter:
    """A chapter."""
    return Chapter(start=start, end=end, title=title)


class TestChaptersOf:
    def test_reported(self) -> None:
        """Times count from the beginning of the film, and a title holds nothing that breaks a playlist."""
        reported: list[dict[str, Any]] = [
            {"start_time": "1.400000", "end_time": "3.4", "tags": {"TITLE": 'The "end"\n<b>'}},
            {"start_time": "3.4", "end_time": "N/A"},
            {"start_time": "nan"},
        ]

        first, second, third = chapters_of(reported, start=1.4)

        assert (first.start, first.end, first.title) == (0.0, 2.0, "The end b")
        assert (second.start, second.title) == (2.0, "")
        assert (third.start, third.end) == (-1.4, -1.4)


class TestReadChapters:
    @pytest.mark.parametrize(
        "text",
        [
            "WEBVTT\n\n00:00.000 --> 00:05.000\nOne\n\n00:05.000 --> 01:00.000\nTwo & more\n",
            "Chapters\n0:00 One\n00:00:05 Two & more\n",
        ],
    )
    def test_files(self, tmp_path: Path, text: str) -> None:
        """WebVTT and a list of times with titles are understood."""
        (tmp_path / "chapters.txt").write_text(text, encoding="utf-8")

        chapters = arranged(read_chapters(tmp_path / "chapters.txt"), duration=60.0)

        assert [(one.start, one.end) for one in chapters] == [(0.0, 5.0), (5.0, 60.0)]
        assert chapters[0].title == "One"

    def test_none(self, tmp_path: Path) -> None:
        """A file without chapters is refused with the way to write one."""
        (tmp_path / "chapters.txt").write_text("nothing", encoding="utf-8")

        with pytest.raises(TrackRejected, match="12:30 The chase"):
            read_chapters(tmp_path / "chapters.txt")


class TestArranged:
    @given(st.lists(st.builds(Chapter, start=TIMES, end=TIMES, title=st.text(max_size=3)), max_size=10))
    def test_parts(self, chapters: list[Chapter]) -> None:
        """Whatever a file says, chapters follow one another without gap to the end of the film."""
        marks = arranged(chapters, duration=100.0)

        assert all(one.end == other.start for one, other in pairwise(marks))
        assert all(0 <= one.start < one.end <= 100.0 and one.title for one in marks)

    def test_none(self) -> None:
        """A film without chapters has none."""
        assert arranged((), duration=10.0) == ()


class TestAsWebvtt:
    def test_track(self) -> None:
        """Each chapter is a cue whose text is its title, escaped."""
        marks = arranged([chapter(0.0, "R&B"), chapter(2.5)], duration=4.0)

        assert as_webvtt(marks) == (
            "WEBVTT\n\n00:00:00.000 --> 00:00:02.500\nR&amp;B\n\n00:00:02.500 --> 00:00:04.000\nChapter 2\n"
        )


class TestAsJson:
    def test_apple(self) -> None:
        """Apple's players find number, start, duration and title of each."""
        (first,) = json.loads(as_json([chapter(1.0, "Début", end=3.5)]))

        assert (first["chapter"], first["start-time"], first["duration"]) == (1, 1.0, 2.5)
        assert first["titles"] == [{"language": "und", "title": "Début"}]


class TestPlain:
    def test_long(self) -> None:
        """A title is one line of at most 120 characters."""
        assert plain("a\nb\0" + "c" * 500) == "a b " + "c" * 116
