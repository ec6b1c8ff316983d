"""A workflow as its function sees it, over DBOS."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from dbos import DBOS

from vitascope.foundation.context import Context
from vitascope.foundation.errors import Unavailable
from vitascope.foundation.workflows.client import Client
from vitascope.foundation.workflows.results import recall, record, result_type
from vitascope.foundation.workflows.status import State

R = TypeVar("R")

_PAUSES = (0.5, 1, 2, 4, 8, 16, 30, 60)
_ASK_SECONDS = 0.5

_log = structlog.get_logger(__name__)


class DurableRun:
    """Implements `declaration.Run`."""

    def __init__(self, *, id: str, ctx: Context, client: Client, executor: str) -> None:  # noqa: A002 - as in `Run`
        self.id, self.ctx = id, ctx
        self._client, self._executor = client, executor
        self._asked_at = 0.0
        self._stopped = False

    async def step(self, name: str, function: Callable[..., Awaitable[R]], *arguments: Any) -> R:
        """Run the function once; while something that it needs does not answer, wait and try again."""
        kind = result_type(function)

        async def recorded() -> str:
            return record(await _patiently(name, function, *arguments))

        value: R = recall(await DBOS.run_step_async({"name": name}, recorded), kind)
        return value

    async def cancelled(self) -> bool:
        """Whether to stop: somebody cancelled it, or it was taken over by another process."""
        if not self._stopped and time.monotonic() - self._asked_at >= _ASK_SECONDS:
            known = await self._client.status(id=self.id)
            self._asked_at = time.monotonic()
            self._stopped = known.state is not State.RUNNING or known.executor != self._executor
        return self._stopped


async def _patiently(name: str, function: Callable[..., Awaitable[R]], *arguments: Any) -> R:
    for pause in _PAUSES:
        try:
            return await function(*arguments)
        except Unavailable as failure:
            _log.warning("step waits for what it needs", step=name, error=failure.detail, seconds=pause)
            await asyncio.sleep(pause)
    return await function(*arguments)
