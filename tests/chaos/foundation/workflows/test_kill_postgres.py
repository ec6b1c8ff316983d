import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.db.bootstrap import bootstrap
from vitascope.foundation.db.database import Database
from vitascope.foundation.db.migrations import upgrade
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.db.server.supervisor import Server
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.testing.postgres import private_server
from vitascope.foundation.wiring import Container, Provided
from vitascope.foundation.workflows.declaration import Run, durable
from vitascope.foundation.workflows.engine import Pace, Workflows, prepare
from vitascope.foundation.workflows.status import State
from vitascope.runtime.registry import histories


class _Killer:
    """Kills the database and starts it again, counting which steps ran."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.ran: list[str] = []

    def kill(self) -> None:
        pid = self._server.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        self._server.start()


@durable("chaos.database")
async def _work(run: Run, _argument: int, killer: Provided[_Killer]) -> None:
    async def before() -> str:
        killer.ran.append("before")
        return "kept"

    async def during() -> None:
        killer.ran.append("during")
        await asyncio.to_thread(killer.kill)

    async def after(kept: str) -> None:
        killer.ran.append(f"after, {kept}")

    kept = await run.step("before", before)
    await run.step("during", during)
    await run.step("after", after, kept)


@pytest.fixture(name="server")
def _server() -> Iterator[Server]:
    with private_server(durable=True) as server:
        yield server


class TestKill:
    async def test_work_outlives_the_database(self, server: Server) -> None:
        """While PostgreSQL is killed and recovers, running work waits and then goes on; no step is lost."""
        endpoint: Endpoint = await asyncio.to_thread(lambda: bootstrap(server.start()))
        await asyncio.to_thread(upgrade, endpoint.dsn(Role.OWNER, driver="+psycopg"), histories())
        await asyncio.to_thread(prepare, endpoint.dsn(Role.OWNER))
        db = Database(endpoint, clock=SystemClock(), ids=RandomIds())
        killer, container = _Killer(server), Container()
        container.put(_Killer, killer)
        workflows = Workflows(dsn=endpoint.dsn(Role.SYSTEM), db=db, pace=Pace(poll_seconds=0.05))
        workflows.register([_work], container)
        await workflows.launch()

        try:
            await workflows.start(Context(tenant=RandomIds().new(TenantId)), _work, 0, id="w1")
            async with asyncio.timeout(180):
                while "after, kept" not in killer.ran:  # noqa: ASYNC110 - the work says when
                    await asyncio.sleep(0.05)
                while (await workflows.status("w1")).state is not State.DONE:  # noqa: ASYNC110 - the engine says when
                    await asyncio.sleep(0.05)
        finally:
            await workflows.shutdown()
            await db.close()

        assert killer.ran == ["before", "during", "after, kept"]
