"""A worker that is killed in a step of its job."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from vitascope.foundation.db.database import Database
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.workflows.engine import Pace, Workflows
from vitascope.foundation.workflows.run import DurableRun
from vitascope.identity.tenants.module import module as tenants
from vitascope.runtime.assembly import assemble
from vitascope.runtime.settings import settings_type
from vitascope.transcoding.jobs.module import module as jobs

_PACE = Pace(poll_seconds=0.05, reap_seconds=0.1, frozen_seconds=5)
_MODULES = (tenants, jobs)
_step = DurableRun.step


class Log:
    """A file that survives the process: which steps were begun, a line each."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, step: str) -> bool:
        """Note that a step begins; tells whether it is the first time."""
        first = step not in self._path.read_text().split("\n")
        with self._path.open("ab", buffering=0) as file:
            file.write(f"{step}\n".encode())
        return first


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_while_encoding(scratch: Path) -> None:
    """Kill this process once the encoder has written some of a rung."""
    while not any(path.stat().st_size for path in scratch.glob("*/.encoded-*/video-*.mp4")):
        time.sleep(0.005)
    _die()


def _arm(orders: dict[str, Any]) -> None:
    """Let each step tell that it begins, and one of them kill its worker, the first time it runs.

    The encode step dies amid its work, every other one when all is done and before that is recorded.
    """
    log, scratch = Log(Path(orders["log"])), Path(orders["data"]) / "scratch"

    async def step(run: DurableRun, name: str, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        async def told(*given: Any) -> Any:
            dies = log.begin(name) and name in orders["dies_in"]
            if dies and name == "encode":
                threading.Thread(target=_die_while_encoding, args=(scratch,), daemon=True).start()
            result = await function(*given)
            if dies:
                _die()
            return result

        if orders["forgetful"]:
            return await told(*args)
        told.__annotations__["return"] = _returned(function)
        return await _step(run, name, told, *args)

    DurableRun.step = step  # type: ignore[method-assign, assignment]  # the place where a test can look and kill


def _returned(function: Callable[..., Any]) -> Any:
    from vitascope.foundation.workflows.results import result_type

    return result_type(function)


async def _work(orders: dict[str, Any]) -> None:
    _arm(orders)
    endpoint: Endpoint = orders["endpoint"]
    settings = settings_type(_MODULES)(data=Path(orders["data"]))
    container = assemble(settings, endpoint=endpoint, modules=_MODULES)
    workflows = Workflows(
        dsn=endpoint.dsn(Role.SYSTEM), db=container.get(Database), executor="main", pace=_PACE
    )
    workflows.register(jobs.jobs, container)
    await workflows.launch()
    await asyncio.Event().wait()


def work(orders: dict[str, Any]) -> None:
    """Be a worker until killed."""
    asyncio.run(_work(orders))
