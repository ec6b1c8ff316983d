import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitascope.foundation.telemetry.trace import (
    current_trace,
    new_trace,
    parse_traceparent,
    span_under,
    traced,
)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class TestTraceparent:
    def test_round_trip(self) -> None:
        """What is handed on is read as the same span."""
        span = new_trace()

        read = parse_traceparent(span.traceparent)

        assert read is not None
        assert (read.trace_id, read.span_id, read.sampled) == (span.trace_id, span.span_id, True)

    def test_future_version(self) -> None:
        """A later version with more members is read by what version 00 knows, as the standard asks."""
        assert parse_traceparent(f"cc-{TRACE}-{SPAN}-01-what-comes") is not None

    @pytest.mark.parametrize(
        "header",
        [
            None,
            "",
            f"00-{TRACE}-{SPAN}-01-more",
            f"ff-{TRACE}-{SPAN}-01",
            f"00-{'0' * 32}-{SPAN}-01",
            f"00-{TRACE}-{'0' * 16}-01",
            f"00-{TRACE.upper()}-{SPAN}-01",
            f"00-{TRACE[1:]}-{SPAN}-01",
        ],
    )
    def test_not_valid(self, header: str | None) -> None:
        """What is not valid starts a new trace."""
        assert parse_traceparent(header) is None
        assert span_under(header).parent_id is None

    @given(st.text())
    def test_never_fails(self, header: str) -> None:
        """No header can make it fail."""
        assert len(span_under(header).trace_id) == 32

    def test_unsampled_stays_unsampled(self) -> None:
        """A trace that the caller does not sample is not sampled here either."""
        assert span_under(f"00-{TRACE}-{SPAN}-00").traceparent.endswith("-00")


class TestCurrentTrace:
    async def test_tasks_inherit(self) -> None:
        """A task started within a span belongs to it, and the span ends with its block."""

        async def read() -> str | None:
            span = current_trace()
            return span.trace_id if span else None

        with traced(new_trace()) as span:
            inside = asyncio.create_task(read())

        assert await inside == span.trace_id
        assert current_trace() is None
