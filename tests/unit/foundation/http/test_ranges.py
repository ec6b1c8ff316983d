from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vitascope.foundation.http.ranges import MAX_RANGES, ByteRange, RangeNotSatisfiable, select_range

SIZE = 1000
MODIFIED = datetime(2026, 11, 22, 3, 0, 0, 250, tzinfo=UTC)


class TestSelectRange:
    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            ("bytes=0-99", (0, 100)),
            ("bytes=900-", (900, 1000)),
            ("bytes=-100", (900, 1000)),
            ("bytes=-5000", (0, 1000)),
            ("bytes=990-5000", (990, 1000)),
            ("BYTES=0-0", (0, 1)),
            ("bytes= 0-0 , 1-4", (0, 5)),
            ("bytes=0-9,5000-6000", (0, 10)),
        ],
    )
    def test_one_range(self, header: str, expected: tuple[int, int]) -> None:
        """One range, or several that come to one, is what is sent."""
        assert select_range(header, size=SIZE) == ByteRange(*expected)

    @pytest.mark.parametrize(
        "header",
        [
            None,
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=9-3",
            "bytes=a-b",
            "bytes=1-2-3",
            "bytes=+1-2",
            "bytes=٣-٤",
            "items=0-1",
            "bytes=0-1,x",
            f"bytes={'9' * 5000}-",
            "bytes=" + ",".join(["0-1"] * (MAX_RANGES + 1)),
            "bytes=0-1,500-501",
        ],
    )
    def test_whole(self, header: str | None) -> None:
        """What is malformed, of another unit, too many or truly several is answered with the whole."""
        assert select_range(header, size=SIZE) is None

    @pytest.mark.parametrize(
        ("header", "size"), [("bytes=1000-", 1000), ("bytes=-0", 1000), ("bytes=0-", 0), ("bytes=-1", 0)]
    )
    def test_not_satisfiable(self, header: str, size: int) -> None:
        """A well-formed header that asks only for bytes that do not exist is 416 with the size."""
        with pytest.raises(RangeNotSatisfiable) as caught:
            select_range(header, size=size)

        assert caught.value.extra["content_range"] == f"bytes */{size}"

    @given(st.text() | st.from_regex(r"bytes=[0-9,\- ]{0,30}", fullmatch=True), st.integers(0, 2000))
    @example("bytes=0-1999", 1)
    def test_never_leaves_the_file(self, header: str, size: int) -> None:
        """Whatever is asked, the answer lies within the file and is not empty."""
        try:
            found = select_range(header, size=size)
        except RangeNotSatisfiable:
            return

        assert found is None or 0 <= found.start < found.stop <= size

    @given(st.integers(0, SIZE - 1), st.integers(0, 2 * SIZE))
    def test_same_as_slicing(self, first: int, last: int) -> None:
        """A range from first to last is the slice that Python makes of the bytes."""
        content = bytes(range(250)) * 4

        found = select_range(f"bytes={first}-{last}", size=SIZE)

        assert (found is None) == (last < first)
        if found is not None:
            assert content[found.start : found.stop] == content[first : last + 1]
            assert found.content_range(size=SIZE) == f"bytes {first}-{min(last, SIZE - 1)}/{SIZE}"


class TestIfRange:
    @pytest.mark.parametrize(
        ("if_range", "partial"),
        [
            ('"a"', True),
            ('"b"', False),
            ('W/"a"', False),
            (format_datetime(MODIFIED, usegmt=True), True),
            ("Sun, 22 Nov 2026 02:00:00 GMT", False),
            ("yesterday", False),
        ],
    )
    def test_only_if_unchanged(self, if_range: str, partial: bool) -> None:
        """A part is sent only if the client's other parts are of the same representation."""
        found = select_range("bytes=0-1", size=SIZE, if_range=if_range, etag='"a"', modified=MODIFIED)

        assert (found is not None) is partial
