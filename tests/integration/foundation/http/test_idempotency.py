import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Response
from pydantic import BaseModel
from sqlalchemy import text

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.db.database import Database
from vitascope.foundation.errors import Conflict
from vitascope.foundation.http import problems
from vitascope.foundation.http.auth import Authenticator, SignedIn
from vitascope.foundation.http.idempotency import IdempotencyKeys, IdempotentRoute
from vitascope.foundation.wiring import Container, Provided
from vitascope.runtime.testing import KnownContexts, PlatformUnderTest


class _Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class _Till:
    """Counts what was really done."""

    def __init__(self) -> None:
        self.sold = 0
        self.closed = False
        self.pause = 0.0


class Ticket(BaseModel):
    seat: int


router = APIRouter(route_class=IdempotentRoute)


@router.post("/tickets", status_code=201)
async def _sell(ticket: Ticket, ctx: SignedIn, till: Provided[_Till], response: Response) -> dict[str, int]:
    if till.closed:
        raise Conflict("The till is closed.")
    till.sold += 1
    await asyncio.sleep(till.pause)
    response.headers["Location"] = f"/tickets/{till.sold}"
    return {"seat": ticket.seat, "number": till.sold}


class _Shop:
    """The till behind HTTP."""

    def __init__(self, client: httpx.AsyncClient, till: _Till, clock: _Clock, keys: IdempotencyKeys) -> None:
        self.client, self.till, self.clock, self.keys = client, till, clock, keys

    async def buy(self, key: str | None, *, seat: int = 1, who: int | None = 0) -> httpx.Response:
        headers = {"authorization": f"Bearer test-{who}"} if who is not None else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        return await self.client.post("/tickets", json={"seat": seat}, headers=headers)


@pytest.fixture(name="shop")
async def _shop(
    db: Database, tenant: TenantId, ctx: Context, stranger: Context, platform: PlatformUnderTest
) -> AsyncIterator[_Shop]:
    contexts = KnownContexts(tenant)
    for one in (ctx, stranger, platform.new_context(tenant=tenant)):
        contexts.token(one)
    till, clock, container = _Till(), _Clock(), Container()
    container.put(_Till, till)
    container.put(Authenticator, contexts)
    container.put(Clock, clock)
    container.put(Database, db)
    container.provide(IdempotencyKeys, IdempotencyKeys)
    app = FastAPI()
    app.state.container = container
    app.include_router(router)
    problems.install(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield _Shop(client, till, clock, container.get(IdempotencyKeys))


class TestIdempotencyKey:
    async def test_repetition_gets_the_first_answer(self, shop: _Shop) -> None:
        """The same request with the same key changes nothing more and gets the same answer."""
        first = await shop.buy("k1")
        again = await shop.buy('"k1"')

        assert shop.till.sold == 1
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["location"] == first.headers["location"]
        assert again.headers["idempotency-replayed"] == "true"
        assert "idempotency-replayed" not in first.headers

    async def test_thousand_at_once_have_one_effect(self, shop: _Shop) -> None:
        """A thousand equal requests at the same moment have one effect and identical bodies."""
        shop.till.pause = 0.05

        found = await asyncio.gather(*(shop.buy("k1") for _ in range(1000)))

        assert shop.till.sold == 1
        assert {(one.status_code, one.content) for one in found} == {(201, found[0].content)}

    async def test_two_processes_have_one_effect(self, shop: _Shop, db: Database, ctx: Context) -> None:
        """A request that another process handles is waited for, not handled twice."""
        elsewhere = IdempotencyKeys(db=db, clock=shop.clock)
        shop.till.pause = 0.3
        here = asyncio.create_task(shop.buy("k1"))
        while shop.till.sold == 0:  # noqa: ASYNC110 - the route says when
            await asyncio.sleep(0.01)

        async with db.read(ctx) as reader:
            fingerprint = await reader.scalar(text("SELECT fingerprint FROM http.answers"))
        there = await elsewhere.once(ctx, key="k1", fingerprint=fingerprint, handle=_never)

        assert there.body == (await here).content

    async def test_other_request_with_the_key_is_refused(self, shop: _Shop) -> None:
        """A key that was sent with another body is a 422 that names the header."""
        await shop.buy("k1", seat=1)

        refused = await shop.buy("k1", seat=2)

        assert refused.status_code == 422
        assert refused.json()["type"] == "vitascope:idempotency-key-reused"
        assert refused.json()["field"] == "Idempotency-Key"

    async def test_failed_request_frees_its_key(self, shop: _Shop) -> None:
        """A request that failed has changed nothing; repeated with its key it is tried again."""
        shop.till.closed = True
        failed = await shop.buy("k1")
        shop.till.closed = False

        again = await shop.buy("k1")

        assert (failed.status_code, again.status_code) == (409, 201)

    async def test_key_is_the_accounts_own(self, shop: _Shop) -> None:
        """The same key of another account or another tenant is another key."""
        found = [await shop.buy("k1", who=who) for who in range(3)]

        assert [one.json()["number"] for one in found] == [1, 2, 3]

    async def test_no_key_means_no_memory(self, shop: _Shop) -> None:
        """Without the header every request has its effect."""
        for _ in range(2):
            await shop.buy(None)

        assert shop.till.sold == 2

    async def test_visitor_is_asked_to_sign_in(self, shop: _Shop) -> None:
        """Who is not signed in gets the route's own answer, key or not."""
        assert (await shop.buy("k1", who=None)).status_code == 401

    @pytest.mark.parametrize("key", ["", "x" * 256])
    async def test_impossible_key_is_refused(self, shop: _Shop, key: str) -> None:
        """A key that is empty or too long is a 422 that names the header."""
        refused = await shop.buy(key)

        assert (refused.status_code, refused.json()["field"]) == (422, "Idempotency-Key")

    async def test_answer_is_forgotten_after_a_day(self, shop: _Shop) -> None:
        """After its day a key is new again, and the housekeeping takes the old answer away."""
        await shop.buy("k1")
        shop.clock.at += timedelta(days=1, seconds=1)

        again = await shop.buy("k1")
        shop.clock.at += timedelta(days=1, seconds=1)
        forgotten = await shop.keys.collect()

        assert (again.json()["number"], forgotten) == (2, 1)

    async def test_key_left_by_a_dead_process_is_taken_over(
        self, shop: _Shop, db: Database, ctx: Context
    ) -> None:
        """A key that a process claimed and never answered is free after a minute."""
        await shop.buy("k1")
        async with db.transaction(ctx) as tx:
            await tx.execute(text("UPDATE http.answers SET status = NULL"))
        shop.clock.at += timedelta(seconds=61)

        again = await shop.buy("k1")

        assert again.json()["number"] == 2


async def _never() -> Response:
    raise AssertionError("handled twice")
