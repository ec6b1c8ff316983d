"""W3C Trace Context: which request, job or event a piece of work belongs to.

The context of the running task is in a context variable; a task that is started from it inherits it.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from random import Random

import msgspec

_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?",
    re.ASCII,
)
_SAMPLED = 1
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16

_random = Random()  # noqa: S311 - ids of spans are no secret, and the system's randomness costs a call each
os.register_at_fork(after_in_child=_random.seed)


class TraceContext(msgspec.Struct, frozen=True):
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
        return TraceContext(self.trace_id, f"{_random.getrandbits(64):016x}", self.span_id, self.sampled)


_current: ContextVar[TraceContext | None] = ContextVar("vitascope_trace", default=None)


def new_trace() -> TraceContext:
    """The first span of a new trace."""
    both = f"{_random.getrandbits(192):048x}"
    return TraceContext(both[:32], both[32:])


def parse_traceparent(header: str | None) -> TraceContext | None:
    """The span that a `traceparent` names; None if it is missing or not valid (then start anew)."""
    members = _members(header) if header else None
    return TraceContext(members[0], members[1], None, members[2]) if members else None


def span_under(header: str | None) -> TraceContext:
    """A span for work that was asked for with this `traceparent`, or the start of a new trace."""
    members = _members(header) if header else None
    if members is None:
        return new_trace()
    return TraceContext(members[0], f"{_random.getrandbits(64):016x}", members[1], members[2])


def _members(header: str) -> tuple[str, str, bool] | None:
    """Trace, span and whether it is sampled."""
    match = _TRACEPARENT.fullmatch(header)
    if match is None:
        return None
    version, trace, span, flags, more = match.groups()
    if version == "ff" or (version == "00" and more) or trace == _NO_TRACE or span == _NO_SPAN:
        return None
    return trace, span, bool(int(flags, 16) & _SAMPLED)


def current_trace() -> TraceContext | None:
    """The span that is running, if any."""
    return _current.get()


@contextmanager
def traced(span: TraceContext) -> Iterator[TraceContext]:
    """Run what is inside as this span."""
    token = enter_span(span)
    try:
        yield span
    finally:
        leave_span(token)


def enter_span(span: TraceContext) -> Token[TraceContext | None]:
    """Run what follows as this span, until `leave_span`: `traced` for where each microsecond counts."""
    return _current.set(span)


def leave_span(token: Token[TraceContext | None]) -> None:
    """Go back to the span that ran before."""
    _current.reset(token)
