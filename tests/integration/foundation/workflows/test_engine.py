import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vitascope.foundation.context import PLATFORM, Context, TenantId
from vitascope.foundation.db.database import Database
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.errors import Conflict, Unavailable
from vitascope.foundation.wiring import Container, Provided
from vitascope.foundation.workflows.declaration import Durable, Queue, Run, durable, scheduled
from vitascope.foundation.workflows.engine import NO_TENANT, Pace, UnknownWork, Workflows
from vitascope.foundation.workflows.executors import ExecutorTaken, Presence
from vitascope.foundation.workflows.status import NoSuchWorkflow, State, WorkflowIdTaken

QUICK = Pace(poll_seconds=0.05, reap_seconds=0.1, frozen_seconds=1)


@dataclass(frozen=True)
class Film:
    title: str
    tenant: TenantId


@dataclass
class Cinema:
    """What the durable work of these tests does, seen from outside."""

    seen: list[object] = field(default_factory=list)
    contexts: list[Context] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    now: int = 0
    most: int = 0
    failures: int = 0


@durable("test.show", queue=Queue(name="show", per_worker=8))
async def _show(run: Run, film: Film, cinema: Provided[Cinema]) -> None:
    async def project(times: int) -> Film:
        return Film(film.title * times, film.tenant)

    cinema.contexts.append(run.ctx)
    cinema.seen.append(await run.step("project", project, 2))


@durable("elsewhere.show")
async def _elsewhere(_run: Run, film: Film, cinema: Provided[Cinema]) -> None:
    cinema.seen.append(film)


@durable("test.refuse", queue=Queue(name="show", per_worker=8))
async def _refuse(run: Run, film: Film) -> None:
    async def project() -> None:
        raise Conflict(f"{film.title} is torn.")

    await run.step("project", project)


@durable("test.wait", queue=Queue(name="narrow", per_worker=2))
async def _wait(run: Run, film: Film, cinema: Provided[Cinema]) -> None:
    async def sit() -> None:
        cinema.now += 1
        cinema.most = max(cinema.most, cinema.now)
        cinema.seen.append(film.title)
        while not cinema.gate.is_set() and not await run.cancelled():  # noqa: ASYNC110 - cancellation is asked for
            await asyncio.sleep(0.02)
        cinema.now -= 1

    async def leave() -> None:
        cinema.seen.append("left")

    await run.step("sit", sit)
    await run.step("leave", leave)


@durable("test.single", queue=Queue(name="single", per_worker=1))
async def _single(run: Run, film: Film, cinema: Provided[Cinema]) -> None:
    cinema.seen.append(film.title)
    await asyncio.sleep(0.01)


@durable("test.flaky", queue=Queue(name="show", per_worker=8))
async def _flaky(run: Run, film: Film, cinema: Provided[Cinema]) -> None:
    async def project() -> str:
        cinema.failures += 1
        if cinema.failures < 2:
            raise Unavailable
        return film.title

    cinema.seen.append(await run.step("project", project))


@scheduled("test.tick", cron="* * * * * *")
async def _tick(run: Run, fired_at: datetime, cinema: Provided[Cinema]) -> None:
    cinema.contexts.append(run.ctx)
    cinema.seen.append(fired_at)


@pytest.fixture(name="cinema")
def _cinema() -> Cinema:
    return Cinema()


@pytest.fixture(name="film")
def _film(ctx: Context) -> Film:
    return Film("Leader", ctx.tenant)


@pytest.fixture(name="make")
def _make(endpoint: Endpoint, db: Database, cinema: Cinema) -> Callable[..., Workflows]:
    def made(executor: str = "one", *, timed: bool = False) -> Workflows:
        container = Container()
        container.put(Cinema, cinema)
        workflows = Workflows(dsn=endpoint.dsn(Role.SYSTEM), db=db, executor=executor, pace=QUICK)
        workflows.register([_show, _refuse, _wait, _single, _flaky, *([_tick] if timed else [])], container)
        return workflows

    return made


@pytest.fixture(name="workflows")
async def _workflows(make: Callable[..., Workflows]) -> AsyncIterator[Workflows]:
    made = make()
    await made.launch()
    yield made
    await made.shutdown()


async def _until(condition: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.02)


async def _ended(workflows: Workflows, id_: str) -> State:
    async def over() -> bool:
        return (await workflows.status(id_)).state not in {State.WAITING, State.RUNNING}

    await _until(over)
    return (await workflows.status(id_)).state


class TestStart:
    async def test_work_runs_for_the_tenant_that_asked(
        self, workflows: Workflows, ctx: Context, film: Film, cinema: Cinema
    ) -> None:
        """Work gets its typed argument, the platform's context of its tenant, and typed step results."""
        await workflows.start(ctx, _show, film, id="w1")

        assert await _ended(workflows, "w1") is State.DONE
        assert cinema.seen == [Film("LeaderLeader", ctx.tenant)]
        assert cinema.contexts == [Context(tenant=ctx.tenant, principal=PLATFORM)]

    async def test_same_id_starts_once(
        self, workflows: Workflows, ctx: Context, film: Film, cinema: Cinema
    ) -> None:
        """A second request with the same id does nothing, also when the first has ended."""
        await asyncio.gather(*(workflows.start(ctx, _show, film, id="w1") for _ in range(5)))
        await _ended(workflows, "w1")

        await workflows.start(ctx, _show, film, id="w1")
        await asyncio.sleep(0.3)

        assert len(cinema.seen) == 1

    async def test_work_of_a_service_elsewhere_waits_for_it(
        self, endpoint: Endpoint, db: Database, ctx: Context, film: Film, cinema: Cinema
    ) -> None:
        """A process may ask for the work of a service that it does not host; it runs where that is hosted."""
        container = Container()
        container.put(Cinema, cinema)

        def hosting(name: str, *works: Durable[Any], elsewhere: tuple[Durable[Any], ...] = ()) -> Workflows:
            made = Workflows(dsn=endpoint.dsn(Role.SYSTEM), db=db, executor=name, pace=QUICK)
            made.register(works, container, elsewhere=elsewhere)
            return made

        here, there = hosting("here", _flaky, elsewhere=(_elsewhere,)), hosting("there", _elsewhere)
        await here.launch()
        await here.start(ctx, _elsewhere, film, id="w1")
        await asyncio.sleep(0.3)
        waiting = (await here.status("w1")).state
        await here.shutdown()

        await there.launch()

        assert waiting is State.WAITING
        assert await _ended(there, "w1") is State.DONE
        assert cinema.seen == [film]
        await there.shutdown()

    async def test_id_of_other_work_is_refused(self, workflows: Workflows, ctx: Context, film: Film) -> None:
        """An id that belongs to other work is a conflict."""
        await workflows.start(ctx, _show, film, id="w1")

        with pytest.raises(WorkflowIdTaken, match="w1"):
            await workflows.start(ctx, _refuse, film, id="w1")

    async def test_unknown_work_is_refused(self, workflows: Workflows, ctx: Context) -> None:
        """Work that no service of the process declares cannot be asked for."""

        @durable("test.nowhere")
        async def nowhere(run: Run, film: Film) -> None: ...

        with pytest.raises(UnknownWork, match=r"test\.nowhere"):
            await workflows.start(ctx, nowhere, Film("x", ctx.tenant), id="w1")

    async def test_process_that_runs_nothing_asks_for_work(
        self, make: Callable[..., Workflows], ctx: Context, film: Film
    ) -> None:
        """A process that never launches puts work in its queue, where it waits."""
        asking = make("asking")

        await asking.start(ctx, _show, film, id="w1")

        assert (await asking.status("w1")).state is State.WAITING
        await asking.shutdown()


class TestFailure:
    async def test_error_is_kept_and_told_once(
        self, workflows: Workflows, db: Database, ctx: Context, film: Film
    ) -> None:
        """Work whose step raises ends as failed with the error's words, and one event tells of it."""
        await workflows.start(ctx, _refuse, film, id="w1")

        assert await _ended(workflows, "w1") is State.FAILED
        assert (await workflows.status("w1")).error == "Leader is torn."
        async with db.system() as connection:
            told = await connection.exec_driver_sql("SELECT data->>'error', tenant_id FROM events.outbox")
            assert [tuple(row) for row in told] == [("Leader is torn.", ctx.tenant.uuid)]

    async def test_step_waits_for_what_does_not_answer(
        self, workflows: Workflows, ctx: Context, film: Film, cinema: Cinema
    ) -> None:
        """A step that meets something unavailable is tried again, without failing the work."""
        await workflows.start(ctx, _flaky, film, id="w1")

        assert await _ended(workflows, "w1") is State.DONE
        assert (cinema.failures, cinema.seen) == (2, ["Leader"])

    async def test_work_that_was_begun_too_often_is_given_up(
        self, workflows: Workflows, db: Database, ctx: Context, film: Film, cinema: Cinema
    ) -> None:
        """Work that killed its process five times is not run a sixth time, and says so."""
        async with db.system() as connection:
            await connection.exec_driver_sql(
                "INSERT INTO workflows.attempts (id, name, begun) VALUES ('w1', 'test.show', 5)"
            )

        await workflows.start(ctx, _show, film, id="w1")

        assert await _ended(workflows, "w1") is State.FAILED
        assert "given up" in ((await workflows.status("w1")).error or "")
        assert cinema.seen == []


class TestCancel:
    async def test_running_step_sees_it_and_no_step_follows(
        self, workflows: Workflows, ctx: Context, film: Film, cinema: Cinema
    ) -> None:
        """A long step that asks sees the cancellation and ends; the next step does not run."""
        await workflows.start(ctx, _wait, film, id="w1")
        await _until(lambda: _is(cinema.now == 1))

        await workflows.cancel("w1")

        await _until(lambda: _is(cinema.now == 0))
        assert (await workflows.status("w1")).state is State.CANCELLED
        assert cinema.seen == ["Leader"]

    async def test_cancelled_work_can_be_resumed(
        self, workflows: Workflows, ctx: Context, film: Film, cinema: Cinema
    ) -> None:
        """Cancelled work that is resumed goes on at the step that was interrupted."""
        await workflows.start(ctx, _wait, film, id="w1")
        await _until(lambda: _is(cinema.now == 1))
        await workflows.cancel("w1")
        await _until(lambda: _is(cinema.now == 0))

        cinema.gate.set()
        await workflows.resume("w1")

        assert await _ended(workflows, "w1") is State.DONE
        assert cinema.seen == ["Leader", "Leader", "left"]

    async def test_unknown_work_is_not_found(self, workflows: Workflows) -> None:
        """What is not there cannot be cancelled, resumed or shown."""
        for ask in (workflows.cancel, workflows.resume, workflows.status):
            with pytest.raises(NoSuchWorkflow):
                await ask("nowhere")


class TestQueue:
    async def test_worker_runs_no_more_than_its_share(
        self, workflows: Workflows, ctx: Context, film: Film, cinema: Cinema
    ) -> None:
        """Of five in a queue with two per worker, never more than two run at once."""
        for number in range(5):
            await workflows.start(ctx, _wait, film, id=f"w{number}")
        await _until(lambda: _is(cinema.now == 2))
        await asyncio.sleep(0.3)

        cinema.gate.set()
        ends = [await _ended(workflows, f"w{number}") for number in range(5)]

        assert ends == [State.DONE] * 5
        assert cinema.most == 2

    async def test_smaller_priority_goes_first(
        self, make: Callable[..., Workflows], ctx: Context, cinema: Cinema
    ) -> None:
        """Work of a smaller priority number overtakes what was asked for before it."""
        workflows = make()
        for number, priority in enumerate((300, 100, 200, 1)):
            await workflows.start(
                ctx, _single, Film(str(priority), ctx.tenant), id=f"w{number}", priority=priority
            )

        await workflows.launch()
        for number in range(4):
            await _ended(workflows, f"w{number}")
        await workflows.shutdown()

        assert cinema.seen == ["1", "100", "200", "300"]


class TestScheduled:
    async def test_starts_by_the_clock_and_belongs_to_no_tenant(
        self, make: Callable[..., Workflows], cinema: Cinema
    ) -> None:
        """Work with a cron line starts once for each of its instants."""
        workflows = make(timed=True)
        await workflows.launch()

        await _until(lambda: _is(len(cinema.seen) >= 3))
        await workflows.shutdown()

        assert len(set(cinema.seen)) == len(cinema.seen)
        assert all(isinstance(one, datetime) and one.tzinfo == UTC for one in cinema.seen)
        assert {one.tenant for one in cinema.contexts} == {NO_TENANT}


class TestCollect:
    async def test_forgets_what_ended_before(self, workflows: Workflows, ctx: Context, film: Film) -> None:
        """Finished work is forgotten after its time, waiting work never."""
        await workflows.start(ctx, _show, film, id="old")
        await _ended(workflows, "old")

        kept = await workflows.collect(before=datetime.now(UTC) - timedelta(hours=1))
        forgotten = await workflows.collect(before=datetime.now(UTC) + timedelta(hours=1))

        assert (kept, forgotten) == (0, 1)
        with pytest.raises(NoSuchWorkflow):
            await workflows.status("old")


class TestLaunch:
    async def test_name_of_a_living_worker_is_refused(self, workflows: Workflows, endpoint: Endpoint) -> None:
        """A second worker may not take the name of one that lives."""
        twin = Presence(dsn=endpoint.dsn(Role.SYSTEM), executor=workflows.executor)

        with pytest.raises(ExecutorTaken, match="one"):
            await twin.enter(patience_seconds=0.2)

    async def test_stopped_worker_goes_on_where_it_was(
        self, make: Callable[..., Workflows], ctx: Context, film: Film, cinema: Cinema
    ) -> None:
        """A worker that is stopped in good order resumes its work when it starts again."""
        first = make()
        await first.launch()
        await first.start(ctx, _wait, film, id="w1")
        await _until(lambda: _is(cinema.now == 1))
        await first.shutdown()

        cinema.gate.set()
        second = make()
        await second.launch()
        end = await _ended(second, "w1")
        await second.shutdown()

        assert end is State.DONE
        assert cinema.seen == ["Leader", "Leader", "left"]


async def _is(condition: bool) -> bool:
    return condition
