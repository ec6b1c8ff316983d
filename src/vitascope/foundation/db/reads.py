"""Connections for single reads, which need no transaction and nothing of what goes with one."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from vitascope.foundation.context import TenantId
from vitascope.foundation.db.questions import Question, Questions, Shape
from vitascope.foundation.db.tables import TENANT_SETTING

_SET_TENANT = f"SELECT set_config('{TENANT_SETTING}', $1, false)"
_CONNECT_SECONDS = 5.0
_JSONB_VERSION = b"\x01"  # which PostgreSQL puts in front of the binary form


class AllBusy(Exception):
    """Every connection for reads is in use, and stayed so for the whole wait."""


@dataclass(eq=False, slots=True)
class _Held:
    """A connection, and whose rows it sees now."""

    connection: asyncpg.Connection
    tenant: TenantId | None = None


@dataclass(eq=False)
class Reads:
    """At most `size` connections, opened when they are needed."""

    dsn: str
    questions: Questions
    size: int
    wait_seconds: float = 5.0
    on_statement: list[Callable[[str], None]] = field(default_factory=list)
    _free: list[_Held] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._room = asyncio.Semaphore(self.size)

    @property
    def is_full(self) -> bool:
        """Whether all connections are in use."""
        return self._room.locked()

    async def ask(self, question: Question, *, tenant: TenantId) -> tuple[Shape, Sequence[asyncpg.Record]]:
        """The answer with this tenant's rows, and how it reads.

        Raises `AllBusy`, or what asyncpg does.
        """
        for note in self.on_statement:
            note(question.sql)
        await (self._wait() if self.is_full else self._room.acquire())
        try:
            return await self._ask(question, tenant)
        finally:
            self._room.release()

    async def close(self) -> None:
        """Close what is open."""
        free, self._free = self._free, []
        for held in free:
            await held.connection.close(timeout=_CONNECT_SECONDS)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self.wait_seconds):
                await self._room.acquire()
        except TimeoutError:
            raise AllBusy from None

    async def _ask(self, question: Question, tenant: TenantId) -> tuple[Shape, Sequence[asyncpg.Record]]:
        held = self._taken(tenant) or _Held(await _connected(self.dsn))
        try:
            answer = await self._answered(held, question, tenant)
        except asyncpg.PostgresError:
            self._give_back(held)  # a statement that failed leaves nothing behind, outside a transaction
            raise
        except BaseException:
            held.connection.terminate()  # in whatever state it is
            raise
        self._give_back(held)
        return answer

    async def _answered(
        self, held: _Held, question: Question, tenant: TenantId
    ) -> tuple[Shape, Sequence[asyncpg.Record]]:
        if held.tenant != tenant:
            held.tenant = None
            await held.connection.execute(_SET_TENANT, str(tenant.uuid))
            held.tenant = tenant
        shape = self.questions.known_shape(question)
        if shape is None:
            prepared = await held.connection.prepare(question.sql)
            shape = self.questions.shape(question, prepared.get_attributes())
        return shape, await held.connection.fetch(question.sql, *question.arguments)

    def _taken(self, tenant: TenantId) -> _Held | None:
        """A free connection, best one that this tenant had last."""
        self._free = [one for one in self._free if not one.connection.is_closed()]
        if not self._free:
            return None
        same = next((at for at, one in enumerate(self._free) if one.tenant == tenant), -1)
        return self._free.pop(same)

    def _give_back(self, held: _Held) -> None:
        if not held.connection.is_closed():
            self._free.append(held)


async def _connected(dsn: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(
        dsn, timeout=_CONNECT_SECONDS, server_settings={"application_name": "vitascope reads"}
    )
    for name, version in (("json", b""), ("jsonb", _JSONB_VERSION)):
        await connection.set_type_codec(
            name, schema="pg_catalog", format="binary", encoder=_encoder(version), decoder=_decoder(version)
        )
    return connection


def _encoder(version: bytes) -> Callable[[str], bytes]:
    return lambda text: version + text.encode()


def _decoder(version: bytes) -> Callable[[bytes], Any]:
    return lambda raw: json.loads(raw.removeprefix(version))
