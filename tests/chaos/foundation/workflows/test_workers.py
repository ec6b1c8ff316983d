import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.wiring import Container
from vitascope.foundation.workflows.declaration import Durable, Queue
from vitascope.foundation.workflows.engine import Workflows
from vitascope.foundation.workflows.status import State

_PROGRAM = Path(__file__).with_name("worker.py")
_SOURCE = Path(__file__).parents[4] / "src"
_PATIENCE_SECONDS = 120


async def _elsewhere(_run: object, _argument: int) -> None: ...  # what the work is, the worker knows


_WORKS: dict[str, Durable[int]] = {
    name: Durable(f"chaos.{name}", _elsewhere, Queue(name=queue))
    for name, queue in (("four", "chaos"), ("slow", "chaos"), ("alone", "alone"))
}


class _Worker:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    def tell(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    async def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


class _Story:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def lines(self) -> list[list[str]]:
        return [line.split() for line in self.path.read_text().splitlines()]

    def write(self, words: str) -> None:
        with self.path.open("a") as file:
            file.write(f"0 {words}\n")

    async def until(self, words: str, *, times: int = 1) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while sum(words in " ".join(line) for line in self.lines()) < times:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)


class _Asking(Workflows):
    async def done(self, *ids: str) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            for one in ids:
                while (await self.status(one)).state is not State.DONE:  # noqa: ASYNC110 - another process does it
                    await asyncio.sleep(0.05)


_StartWorker = Callable[..., Awaitable[_Worker]]


@pytest.fixture(name="story")
def _story(tmp_path: Path) -> _Story:
    return _Story(tmp_path / "log")


@pytest.fixture(name="asking")
async def _asking(endpoint: Endpoint, db: Database) -> AsyncIterator[_Asking]:
    made = _Asking(dsn=endpoint.dsn(Role.SYSTEM), db=db)
    made.register(_WORKS.values(), Container())
    yield made
    await made.shutdown()


@pytest.fixture(name="start_worker")
async def _start_worker(endpoint: Endpoint, story: _Story) -> AsyncIterator[_StartWorker]:
    started: list[_Worker] = []

    async def start(
        executor: str, *, forgetful: bool = False, timed: bool = False, frozen_seconds: float = 60
    ) -> _Worker:
        orders: dict[str, object] = {
            "endpoint": asdict(endpoint),
            "log": str(story.path),
            "executor": executor,
        }
        orders |= {"forgetful": forgetful, "timed": timed, "frozen_seconds": frozen_seconds}
        process = await asyncio.create_subprocess_exec(
            sys.executable, _PROGRAM, json.dumps(orders), env={**os.environ, "PYTHONPATH": str(_SOURCE)}
        )
        started.append(_Worker(process))
        return started[-1]

    yield start
    for one in started:
        await one.end()


def _assert_only_interrupted_ran_again(story: _Story) -> None:
    """Each of the workflows 1-4 ran its step of its own number twice and every other once."""
    begun = Counter((words[2], words[3]) for words in story.lines() if words[1] == "begin")
    expected = {
        (str(work), str(step)): 2 if step == work else 1 for work in range(1, 5) for step in range(1, 5)
    }
    assert begun == expected


async def _run_through_deaths(
    start_worker: _StartWorker,
    asking: _Asking,
    ctx: Context,
    *,
    executors: Callable[[int], str],
    forgetful: bool = False,
) -> None:
    """Start four workflows, each of which kills its worker once, and a new worker for each that died."""
    for number in range(1, 5):
        await asking.start(ctx, _WORKS["four"], number, id=str(number), priority=number)
    for turn in range(5):
        worker = await start_worker(executors(turn), forgetful=forgetful)
        if turn < 4:
            assert await asyncio.wait_for(worker.process.wait(), _PATIENCE_SECONDS) == -signal.SIGKILL
    await asking.done("1", "2", "3", "4")


class TestKill:
    async def test_restarted_worker_repeats_only_the_interrupted_step(
        self, start_worker: _StartWorker, asking: _Asking, ctx: Context, story: _Story
    ) -> None:
        """A worker killed in each of four steps and restarted under its name finishes all by itself."""
        await _run_through_deaths(start_worker, asking, ctx, executors=lambda _: "one")

        _assert_only_interrupted_ran_again(story)

    async def test_other_worker_takes_over_what_a_dead_one_left(
        self, start_worker: _StartWorker, asking: _Asking, ctx: Context, story: _Story
    ) -> None:
        """The work of a killed worker is taken over by workers of other names, step by step."""
        await _run_through_deaths(start_worker, asking, ctx, executors=lambda turn: f"worker {turn}")

        _assert_only_interrupted_ran_again(story)

    async def test_steps_without_records_are_caught(
        self, start_worker: _StartWorker, asking: _Asking, ctx: Context, story: _Story
    ) -> None:
        """The planted bug: were steps not recorded, the check would see that finished ones ran again."""
        await _run_through_deaths(start_worker, asking, ctx, executors=lambda _: "one", forgetful=True)

        with pytest.raises(AssertionError):
            _assert_only_interrupted_ran_again(story)


class TestFreeze:
    async def test_frozen_worker_is_fenced(
        self, start_worker: _StartWorker, asking: _Asking, ctx: Context, story: _Story
    ) -> None:
        """A worker frozen in a step loses its work to another; when it wakes, it runs nothing more of it."""
        frozen = await start_worker("frozen")
        await asking.start(ctx, _WORKS["slow"], 0, id="w1")
        await story.until("begin w1 1")
        frozen.tell(signal.SIGSTOP)

        awake = await start_worker("awake", frozen_seconds=1)
        await story.until("end w1 2")
        story.write("go")
        frozen.tell(signal.SIGCONT)
        await story.until(f"{frozen.process.pid} end w1 1")
        await asyncio.sleep(0.5)

        second = [words for words in story.lines() if words[1:] == ["begin", "w1", "2"]]
        assert second == [[str(awake.process.pid), "begin", "w1", "2"]]
        assert (await asking.status("w1")).state is State.DONE


class TestTwoWorkers:
    async def test_clock_starts_once_and_alone_means_alone(
        self, start_worker: _StartWorker, asking: _Asking, ctx: Context, story: _Story
    ) -> None:
        """Over two workers, the clock starts work once an instant, and a queue of one runs one at a time."""
        for number in range(6):
            await asking.start(ctx, _WORKS["alone"], number, id=f"w{number}")
        for executor in ("one", "two"):
            await start_worker(executor, timed=True)
        await asking.done(*(f"w{number}" for number in range(6)))
        await story.until("tick", times=4)

        ticks = [words[2] for words in story.lines() if words[1] == "tick"]
        alone = [words[1] for words in story.lines() if words[1] != "tick"]
        assert len(ticks) >= 3
        assert len(set(ticks)) == len(ticks)
        assert alone == ["begin", "end"] * 6
