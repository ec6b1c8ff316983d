"""A worker as a process of its own, to be killed and frozen: reads its orders as JSON from argv."""

import asyncio
import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.db.database import Database
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.wiring import Container, Provided
from vitascope.foundation.workflows.declaration import Queue, Run, durable, scheduled
from vitascope.foundation.workflows.engine import Pace, Workflows


class Log:
    """A file that survives the process: who did what, a line each."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, *words: object) -> None:
        """Add a line at once."""
        line = " ".join(map(str, [os.getpid(), *words])) + "\n"
        with self._path.open("ab", buffering=0) as file:
            file.write(line.encode())

    def knows(self, *words: object) -> bool:
        """Whether a process wrote this before."""
        wanted = list(map(str, words))
        return any(line.split()[1:] == wanted for line in self._path.read_text().splitlines())


@durable("chaos.four", queue=Queue(name="chaos", per_worker=1))
async def four(run: Run, kill_in: int, log: Provided[Log]) -> None:
    """Four steps; in one of them the process is killed, the first time."""

    async def step(number: int) -> int:
        again = log.knows("begin", run.id, number)
        log.write("begin", run.id, number)
        if number == kill_in and not again:
            os.kill(os.getpid(), signal.SIGKILL)
        log.write("end", run.id, number)
        return number

    for number in range(1, 5):
        await run.step(f"step {number}", step, number)


@durable("chaos.slow", queue=Queue(name="chaos", per_worker=1))
async def slow(run: Run, _nothing: int, log: Provided[Log]) -> None:
    """Two steps; the first time, the first lasts until somebody writes that it may end."""

    async def first() -> None:
        again = log.knows("begin", run.id, 1)
        log.write("begin", run.id, 1)
        while not again and not log.knows("go"):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.02)
        log.write("end", run.id, 1)

    async def second() -> None:
        log.write("begin", run.id, 2)
        log.write("end", run.id, 2)

    await run.step("first", first)
    await run.step("second", second)


@durable("chaos.alone", queue=Queue(name="alone", overall=1))
async def alone(run: Run, _nothing: int, log: Provided[Log]) -> None:
    """Work of which there is never more than one, over all workers."""
    log.write("begin", run.id)
    await asyncio.sleep(0.1)
    log.write("end", run.id)


@scheduled("chaos.tick", cron="* * * * * *")
async def tick(_run: Run, fired_at: datetime, log: Provided[Log]) -> None:
    """Every second."""
    log.write("tick", fired_at.isoformat())


async def _forgetful_step(_run: Run, _name: str, function: Any, *arguments: Any) -> Any:
    """The planted bug: a step that keeps no record."""
    return await function(*arguments)


async def _work(orders: dict[str, Any]) -> None:
    passwords = {Role(name): value for name, value in orders["endpoint"].pop("passwords").items()}
    endpoint = Endpoint(**orders["endpoint"], passwords=passwords)
    if orders["forgetful"]:
        from vitascope.foundation.workflows.run import DurableRun

        DurableRun.step = _forgetful_step  # type: ignore[method-assign, assignment]  # the planted bug
    container = Container()
    container.put(Log, Log(Path(orders["log"])))
    db = Database(endpoint, clock=SystemClock(), ids=RandomIds(), size=2)
    workflows = Workflows(
        dsn=endpoint.dsn(Role.SYSTEM),
        db=db,
        executor=orders["executor"],
        pace=Pace(poll_seconds=0.05, reap_seconds=0.1, frozen_seconds=orders["frozen_seconds"]),
    )
    workflows.register([four, slow, alone, *([tick] if orders["timed"] else [])], container)
    await workflows.launch()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_work(json.loads(sys.argv[1])))
