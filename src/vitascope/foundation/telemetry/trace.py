"""W3C Trace Context: which request, job or event a piece of work belongs to.

The context of the running task is in a context variable; a task that is started from it inherits it.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?",
    re.ASCII,
)
_SAMPLED = 1
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16


@dataclass(frozen=True, slots=True)
class TraceContext:
    """One span: its trace, itself, and the span that caused it."""

    trace_id: str
    span_id: str
    parent_id: str | None = None
    sampled: bool = True

    @property
    def traceparent(self) -> str:
        """The header that hands this span on as a parent."""
        return f"00-{self.trace_id}-{self.span_id}-0{int(self.sampled)}"

    def child(self) -> "TraceContext":
        """A new span of the same trace, caused by this one."""
        return TraceContext(self.trace_id, _random_hex(8), self.span_id, self.sampled)


_current: ContextVar[TraceContext | None] = ContextVar("vitascope_trace", default=None)


def new_trace() -> TraceContext:
    """The first span of a new trace."""
    both = _random_hex(24)
    return TraceContext(both[:32], both[32:])


def parse_traceparent(header: str | None) -> TraceContext | None:
    """The span that a `traceparent` names; None if it is missing or not valid (then start anew)."""
    match = _TRACEPARENT.fullmatch(header.strip()) if header else None
    if match is None or match["version"] == "ff" or (match["version"] == "00" and match["more"]):
        return None
    if match["trace"] == _NO_TRACE or match["span"] == _NO_SPAN:
        return None
    return TraceContext(match["trace"], match["span"], None, bool(int(match["flags"], 16) & _SAMPLED))


def span_under(header: str | None) -> TraceContext:
    """A span for work that was asked for with this `traceparent`, or the start of a new trace."""
    parent = parse_traceparent(header)
    return parent.child() if parent else new_trace()


def current_trace() -> TraceContext | None:
    """The span that is running, if any."""
    return _current.get()


@contextmanager
def traced(span: TraceContext) -> Iterator[TraceContext]:
    """Run what is inside as this span."""
    token = _current.set(span)
    try:
        yield span
    finally:
        _current.reset(token)


def _random_hex(size: int) -> str:
    """Not secret, but never all zero in practice (the specification forbids that one value)."""
    return os.urandom(size).hex()
