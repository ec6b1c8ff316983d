"""A worker that is killed in a step of its job."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from vitascope.foundation.db.database import Database
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.workflows.engine import Pace, Workflows
from vitascope.foundation.workflows.run import DurableRun
from vitascope.identity.tenants.module import module as tenants
from vitascope.runtime.assembly import assemble
from vitascope.runtime.settings import settings_type
from vitascope.transcoding.jobs import models
from vitascope.transcoding.jobs.module import module as jobs
from vitascope.transcoding.jobs.repository import parts
from vitascope.transcoding.jobs.repository.parts import Claimed, Made, PartState
from vitascope.transcoding.jobs.service.crew import Crew
from vitascope.transcoding.jobs.service.encoder import Encoder, Encoding
from vitascope.transcoding.keys.module import module as keys

_PACE = Pace(poll_seconds=0.05, reap_seconds=0.1, frozen_seconds=5)
_MODULES = (tenants, keys, jobs)
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
    while not any(path.stat().st_size for path in scratch.glob("*/chunks/.chunk-*/*.mp4")):
        time.sleep(0.005)
    _die()


def _die_over_a_chunk(scratch: Path) -> None:
    """Kill this process while it encodes a chunk, when another one is done."""
    while not (list(scratch.glob("*/chunks/*.mp4")) and _begun(scratch)):
        time.sleep(0.005)
    _die()


def _begun(scratch: Path) -> bool:
    return any(path.exists() for path in scratch.glob("*/chunks/.chunk-*/*.mp4"))


def _note_parts(log: Path) -> None:
    """Let each part tell that a worker begins to encode it."""
    encode = Encoder.encode

    async def told(self: Encoder, claimed: Claimed, running: Encoding) -> tuple[Made, int]:
        with log.open("ab", buffering=0) as file:
            file.write(f"part{claimed.part.number}\n".encode())
        return await encode(self, claimed, running)

    Encoder.encode = told  # type: ignore[method-assign]  # the place where a test can look


def _begin_anew(bury: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The planted bug: when a worker has died, what others have finished is done again as well."""

    async def bury_all(connection: AsyncConnection, **values: Any) -> Any:
        freed = await bury(connection, **values)
        await connection.execute(update(models.parts).values(state=PartState.WAITING, worker=None))
        await connection.execute(update(models.encodings).values(finished=0))
        return freed

    return bury_all


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
    if orders.get("parts"):
        _note_parts(Path(orders["log"]))
    if orders.get("dies_over_a_chunk"):
        scratch = Path(orders["data"]) / "scratch"
        threading.Thread(target=_die_over_a_chunk, args=(scratch,), daemon=True).start()
    if orders.get("begins_anew"):
        parts.bury = _begin_anew(parts.bury)  # type: ignore[assignment]  # the planted bug
    endpoint: Endpoint = orders["endpoint"]
    settings = settings_type(_MODULES).model_validate(
        {"data": Path(orders["data"]), "transcoding_jobs": {"hands": 1}}
    )
    executor = orders.get("executor", "main")
    container = assemble(settings, endpoint=endpoint, modules=_MODULES, executor=executor)
    workflows = Workflows(
        dsn=endpoint.dsn(Role.SYSTEM), db=container.get(Database), executor=executor, pace=_PACE
    )
    workflows.register(jobs.jobs, container)
    await workflows.launch()
    await container.get(Crew).run()


def work(orders: dict[str, Any]) -> None:
    """Be a worker until killed."""
    asyncio.run(_work(orders))
