"""The whole platform inside one test: real services on a real database, stepped by hand."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import asyncpg
import httpx
from sqlalchemy import event
from starlette.types import ASGIApp

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import ANONYMOUS, AccountId, Context, Principal, TenantId
from vitascope.foundation.db.database import Database, Transaction
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.encoding import from_json
from vitascope.foundation.errors import Unauthenticated
from vitascope.foundation.events.handlers import BoundHandler, on
from vitascope.foundation.events.hints import Hint
from vitascope.foundation.events.relay import move
from vitascope.foundation.events.subscriptions import Subscription
from vitascope.foundation.events.types import decode
from vitascope.foundation.http.auth import Authenticator
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.module import Module
from vitascope.foundation.testing.workflows import InlineRun
from vitascope.foundation.wiring import Container
from vitascope.foundation.workflows.declaration import WorkflowRequested
from vitascope.runtime.app import build_app
from vitascope.runtime.assembly import assemble, close, subscriptions
from vitascope.runtime.settings import Settings
from vitascope.runtime.share import without_remotes

_TURNS = 50


class KnownContexts:
    """An `Authenticator` for tests of services other than identity: a token is a context made before."""

    def __init__(self, tenant: TenantId) -> None:
        self._tenant = tenant
        self._contexts: dict[str, Context] = {}

    def token(self, ctx: Context) -> str:
        """A credential that stands for the context."""
        token = f"test-{len(self._contexts)}"
        self._contexts[token] = ctx
        return token

    async def context(self, *, host: str, credential: str | None, trace: str | None) -> Context:
        """The context that the credential stands for."""
        del host, trace
        if credential is None:
            return Context(tenant=self._tenant, principal=ANONYMOUS)
        if credential not in self._contexts:
            raise Unauthenticated
        return self._contexts[credential]


@dataclass
class Statements:
    """How many SQL statements ran, without the setting of the tenant."""

    texts: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Their number."""
        return len(self.texts)


class PlatformUnderTest:
    """Services on a database; nothing runs in the background: `pump` does what relay and workers would."""

    def __init__(self, *, settings: Settings, endpoint: Endpoint, modules: tuple[Module, ...]) -> None:
        self.ids = RandomIds()
        self.endpoint, self.modules = endpoint, without_remotes(modules, settings=settings)
        self.container: Container = assemble(settings, endpoint=endpoint, modules=modules)
        self.db = self.container.get(Database)
        self._requested: list[tuple[Context, WorkflowRequested]] = []
        self._started: set[str] = set()
        self._works = {work.name: work for module in self.modules for work in module.jobs}

    @cached_property
    def app(self) -> ASGIApp:
        """The one application of this process."""
        return build_app(self.container, modules=self.modules)

    def known_contexts(self, tenant: TenantId) -> KnownContexts:
        """Replace sign-in: requests then carry contexts that the test made."""
        known = KnownContexts(tenant)
        self.container.put(Authenticator, known)
        return known

    def new_context(
        self, *permissions: str, tenant: TenantId | None = None, account: AccountId | None = None
    ) -> Context:
        """The context of a signed-in account of a tenant, by default both new."""
        principal = Principal(
            account=account or self.ids.new(AccountId), permissions=frozenset(map(str, permissions))
        )
        return Context(tenant=tenant or self.ids.new(TenantId), principal=principal)

    def client(self, *, token: str | None = None, raise_errors: bool = False) -> httpx.AsyncClient:
        """A client of the application, in this process."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=raise_errors)
        return httpx.AsyncClient(transport=transport, base_url="http://testserver", headers=headers)

    async def pump(self) -> None:
        """Relay, hear and do durable work, again and again until nothing is left to do."""
        services = tuple(one for one in self.modules if one.name != "foundation.workflows")
        consumers = [*subscriptions(self.container, services), self._starter()]
        for _ in range(_TURNS):
            moved = await self._relay()
            heard = [await one.step() for one in consumers]
            worked = await self._work()
            if not (moved or any(heard) or worked):
                return
        raise AssertionError(f"still busy after {_TURNS} turns: events go round in a circle")

    async def events(self, *kinds: type) -> list[object]:
        """The events of these types that were committed so far, typed, in the order of the log."""
        await self._relay()
        connection = await asyncpg.connect(self.endpoint.dsn(Role.SYSTEM))
        try:
            rows = await connection.fetch("SELECT type, data::text AS data FROM events.log ORDER BY position")
        finally:
            await connection.close()
        return [one for row in rows if isinstance(one := decode(row["type"], row["data"]), kinds)]

    @contextmanager
    def statements(self) -> Iterator[Statements]:
        """Count the SQL statements that services run inside the block."""
        seen = Statements()

        def note(_c: object, _k: object, statement: str, *_: object) -> None:
            if "set_config('vitascope.tenant'" not in statement:
                seen.texts.append(statement)

        engines = [self.db.engine.sync_engine, self.db.system_engine.sync_engine]
        for engine in engines:
            event.listen(engine, "before_cursor_execute", note)
        self.db.reads.on_statement.append(seen.texts.append)
        try:
            yield seen
        finally:
            self.db.reads.on_statement.remove(seen.texts.append)
            for engine in engines:
                event.remove(engine, "before_cursor_execute", note)

    @asynccontextmanager
    async def at_work(self, service: str) -> AsyncIterator[None]:
        """Be a worker of a service inside the block: what its durable work hands to its crews is done."""
        crews = [kind for module in self.modules if module.name == service for kind in module.crews]
        tasks = [asyncio.create_task(self.container.get(kind).run()) for kind in crews]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Close all connections."""
        await close(self.container)

    async def _relay(self) -> int:
        connection = await asyncpg.connect(self.endpoint.dsn(Role.SYSTEM))
        try:
            return await move(connection)
        finally:
            await connection.close()

    def _starter(self) -> Subscription:
        @on(WorkflowRequested)
        async def note(tx: Transaction, requested: WorkflowRequested) -> None:
            self._requested.append((tx.ctx, requested))

        return Subscription(
            name="workflows", handlers=[BoundHandler(note)], db=self.db, hint=Hint(), clock=SystemClock()
        )

    async def _work(self) -> bool:
        """Run what was requested; a work that is not among these modules is left alone."""
        requested, self._requested = self._requested, []
        for ctx, one in requested:
            work = self._works.get(one.name)
            if work is not None and one.id not in self._started:
                self._started.add(one.id)
                provided = self.container.arguments(work.function)
                argument = from_json(one.argument, work.argument)
                async with self.at_work(one.name.rpartition(".")[0]):
                    await work.function(InlineRun(ctx=ctx, id=one.id), argument, **provided)
        return bool(requested)
