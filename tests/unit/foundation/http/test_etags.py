import time

import pytest

from vitascope.foundation.errors import PreconditionFailed
from vitascope.foundation.http.etags import etag_of, is_not_modified, require_match


class TestEtag:
    def test_parts_do_not_run_together(self) -> None:
        """Other parts are another tag, even if their texts join to the same."""
        assert etag_of("ab", "c") != etag_of("a", "bc")
        assert etag_of("title", 3) == etag_of("title", 3)


class TestIfNoneMatch:
    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            (None, False),
            ("*", True),
            ('"a"', True),
            ('W/"a"', True),
            ('"x", "a"', True),
            (' "x" ,,"a" ', True),
            ('"x,a"', False),
            ("a", False),
            ('"a', False),
            ("", False),
        ],
    )
    def test_comparison_is_weak(self, header: str | None, expected: bool) -> None:
        """A read is not repeated for a client that has the same representation, weak tags included."""
        assert is_not_modified(header, etag='"a"') is expected

    def test_hostile_list_is_cheap(self) -> None:
        """A long list that is malformed at its end costs no time to refuse."""
        started = time.perf_counter()

        assert not is_not_modified(", " * 20_000 + "x", etag='"a"')
        assert time.perf_counter() - started < 1


class TestIfMatch:
    @pytest.mark.parametrize("header", [None, "*", '"a"', '"b", "a"'])
    def test_holds(self, header: str | None) -> None:
        """A write goes on for who saw the present state, and for who did not ask."""
        require_match(header, etag='"a"')

    @pytest.mark.parametrize(
        ("header", "etag"), [('"b"', '"a"'), ('W/"a"', '"a"'), ("*", None), ('W/"a"', 'W/"a"')]
    )
    def test_fails(self, header: str, etag: str | None) -> None:
        """A write by who saw another state is refused; the comparison is strong."""
        with pytest.raises(PreconditionFailed):
            require_match(header, etag=etag)
