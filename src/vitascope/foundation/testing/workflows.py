"""Durable work run at once, in the test's own task, with steps that are recorded and replayed."""

from collections.abc import Awaitable, Callable
from typing import Any, Self, TypeVar

from vitascope.foundation.context import Context
from vitascope.foundation.workflows.results import recall, record, result_type

R = TypeVar("R")


class Died(BaseException):
    """The process is thought to have been killed here; nothing may catch it."""


class InlineRun:
    """A `Run` for tests of services.

    Steps run at once and their results go through JSON as they do for real. `dies_in` names a step
    after whose effect, and before whose record, the process is thought killed: `Died` is raised;
    `again()` gives the run of the process that resumes, which replays the recorded steps.
    """

    def __init__(self, *, ctx: Context, id: str = "run", dies_in: str | None = None) -> None:  # noqa: A002 - as in `Run`
        self.ctx = ctx.as_platform()
        self.id = id
        self.ran: list[str] = []
        """The names of the steps whose function ran in this run, in their order."""
        self._dies_in = dies_in
        self._records: list[tuple[str, str | None]] = []
        self._next = 0
        self._cancelled = False

    def again(self, *, dies_in: str | None = None) -> Self:
        """The same workflow resumed after a death: recorded steps do not run again."""
        resumed = type(self)(ctx=self.ctx, id=self.id, dies_in=dies_in)
        resumed._records = list(self._records)  # noqa: SLF001 - its own kind
        return resumed

    def cancel(self) -> None:
        """Cancel as somebody else would, while it runs."""
        self._cancelled = True

    async def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    async def step(self, name: str, function: Callable[..., Awaitable[R]], *arguments: Any) -> R:
        """Run the function and record its result, or give back what an earlier run recorded."""
        kind, place = result_type(function), self._place(name)
        recorded = self._records[place][1]
        if recorded is None:
            self.ran.append(name)
            result = await function(*arguments)
            if name == self._dies_in:
                raise Died(name)
            recorded = record(result)
            self._records[place] = (name, recorded)
        value: R = recall(recorded, kind)
        return value

    def _place(self, name: str) -> int:
        """Steps are known by their order, as for real; another name in a place is another program."""
        place, self._next = self._next, self._next + 1
        if place == len(self._records):
            self._records.append((name, None))
        known = self._records[place][0]
        if known != name:
            raise AssertionError(
                f"step {place + 1} was {known!r} before and is {name!r} now: not deterministic"
            )
        return place
