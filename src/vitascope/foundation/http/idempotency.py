"""`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a POST repeated with its key is done once.

    router = APIRouter(prefix="/jobs", tags=["jobs"], route_class=IdempotentRoute)

    @router.post("", status_code=201)
    async def submit(request: Submit, ctx: SignedIn, jobs: Provided[Jobs]) -> Job: ...

That is all a route does. A signed-in client that sends the header gets the first answer again for a
day; the same key with another request is refused (422); while the first is under way the others wait
for its answer, and after a while are told to come back (409). A request that failed has changed
nothing: its key is free again. A process that dies between its effect and the answer's record leaves
the key claimed for a minute, after which a repetition runs again: what may never happen twice, such as
a payment, keeps the key in its own table too.
"""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi.routing import APIRoute
from sqlalchemy import delete, null, select, update
from sqlalchemy.dialects.postgresql import insert
from starlette.requests import Request
from starlette.responses import Response

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database
from vitascope.foundation.errors import Conflict, Invalid
from vitascope.foundation.http.auth import visitor
from vitascope.foundation.http.models import answers
from vitascope.foundation.wiring import Container

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"

_KEPT = timedelta(days=1)
_CLAIM = timedelta(minutes=1)
_PATIENCE_SECONDS = 10.0
_POLL_SECONDS = 0.1
_LONGEST = 255


class IdempotencyKeyReused(Invalid):
    """This idempotency key was sent before with another request; make a new key for each request."""


class StillInProgress(Conflict):
    """The first request with this idempotency key is still under way; ask again in a moment."""


@dataclass(frozen=True)
class Answer:
    """A response as it is kept."""

    status: int
    headers: list[list[str]]
    body: bytes

    @classmethod
    def of(cls, response: Response) -> "Answer":
        """Keep what the first client gets."""
        pairs = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in response.raw_headers]
        return cls(response.status_code, pairs, bytes(response.body))

    def response(self) -> Response:
        """The same again, marked as a repetition."""
        again = Response(self.body, status_code=self.status)
        pairs = [*self.headers, [REPLAYED.lower(), "true"]]
        again.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
        return again


A = TypeVar("A", bound=Answer | None)
Handle = Callable[[], Coroutine[Any, Any, Response]]


class IdempotencyKeys:
    """The answers that are kept, in the table `http.answers`."""

    def __init__(self, *, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._here: dict[tuple[str, ...], _Flight] = {}

    async def once(self, ctx: Context, *, key: str, fingerprint: bytes, handle: Handle) -> Response:
        """Handle the request, or give the answer that an equal request with this key got.

        Raises `IdempotencyKeyReused` and `StillInProgress`.
        """
        place = (ctx.tenant, ctx.account, key)
        deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            handled_here = self._here.get(place)
            if handled_here is not None:
                answer = await _within(_PATIENCE_SECONDS, handled_here.answer)
                if answer is not None:
                    return _equal(fingerprint, handled_here.fingerprint, answer).response()
                continue
            with self._handling(place, fingerprint) as flight:
                response = await self._attempt(ctx, key=key, flight=flight, handle=handle)
            if response is not None:
                return response
            await asyncio.sleep(_POLL_SECONDS)
        raise StillInProgress(extra={"retry_after": 2})

    async def collect(self) -> int:
        """Forget answers whose time is over; returns how many."""
        async with self._db.system() as connection:
            gone = await connection.execute(delete(answers).where(answers.c.expires_at < self._clock.now()))
        return gone.rowcount

    @contextmanager
    def _handling(self, place: tuple[str, ...], fingerprint: bytes) -> Iterator["_Flight"]:
        """Be the one of this process who asks the database; the others wait for what comes of it."""
        flight = self._here[place] = _Flight(fingerprint)
        try:
            yield flight
        finally:
            del self._here[place]
            if not flight.answer.done():
                flight.answer.set_result(None)

    async def _attempt(self, ctx: Context, *, key: str, flight: "_Flight", handle: Handle) -> Response | None:
        """The answer, handled here or kept; None while another process handles it."""
        claim = await self._claim(ctx, key=key, fingerprint=flight.fingerprint)
        if claim is None:
            kept = await self._kept(ctx, key=key, fingerprint=flight.fingerprint)
            flight.answer.set_result(kept)
            return kept.response() if kept else None
        try:
            response = await handle()
        except BaseException:
            await asyncio.shield(self._release(ctx, key=key, claim=claim))
            raise
        if response.status_code >= HTTPStatus.BAD_REQUEST or not hasattr(response, "body"):
            await self._release(ctx, key=key, claim=claim)
        else:
            answer = Answer.of(response)
            await self._keep(ctx, key=key, claim=claim, answer=answer)
            flight.answer.set_result(answer)
        return response

    async def _claim(self, ctx: Context, *, key: str, fingerprint: bytes) -> datetime | None:
        """Take the key if it is new, expired, or left behind by a process that died; gives its mark."""
        now = self._clock.now()
        fresh = {
            "fingerprint": fingerprint,
            "claimed_until": now + _CLAIM,
            "expires_at": now + _KEPT,
        }
        taken = insert(answers).values(account=ctx.account.uuid, key=key, **fresh)
        left_behind = answers.c.status.is_(None) & (answers.c.claimed_until < now)
        again = taken.on_conflict_do_update(
            index_elements=["tenant_id", "account", "key"],
            set_={**fresh, "status": null(), "headers": null(), "body": null()},
            where=(answers.c.expires_at < now) | left_behind,
        ).returning(answers.c.claimed_until)
        async with self._db.read(ctx) as reader:
            claimed: datetime | None = await reader.scalar(again)
        return claimed

    async def _kept(self, ctx: Context, *, key: str, fingerprint: bytes) -> Answer | None:
        """The answer under the key; None while it is not there yet."""
        async with self._db.read(ctx) as reader:
            row = await reader.first(select(answers).where(*_at(ctx, key)))
        if row is None:
            return None
        kept = Answer(row.status, row.headers, row.body) if row.status is not None else None
        return _equal(fingerprint, row.fingerprint, kept)

    async def _keep(self, ctx: Context, *, key: str, claim: datetime, answer: Answer) -> None:
        kept = {"status": answer.status, "headers": answer.headers, "body": answer.body}
        done = update(answers).where(*_at(ctx, key), answers.c.claimed_until == claim).values(**kept)
        async with self._db.transaction(ctx) as tx:
            await tx.execute(done)

    async def _release(self, ctx: Context, *, key: str, claim: datetime) -> None:
        async with self._db.transaction(ctx) as tx:
            await tx.execute(delete(answers).where(*_at(ctx, key), answers.c.claimed_until == claim))


class _Flight:
    """A request under way in this process: what it is, and what will come of it."""

    def __init__(self, fingerprint: bytes) -> None:
        self.fingerprint = fingerprint
        self.answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()


async def _within(seconds: float, answer: "asyncio.Future[Answer | None]") -> Answer | None:
    """What comes of it in that time, whoever else waits for it."""
    done, _ = await asyncio.wait({answer}, timeout=seconds)
    return answer.result() if done else None


def _equal(sent: bytes, known: bytes, answer: A) -> A:
    """The answer, if it was given to an equal request."""
    if sent != known:
        raise IdempotencyKeyReused(field=HEADER)
    return answer


def _at(ctx: Context, key: str) -> tuple[Any, ...]:
    return (answers.c.tenant_id == ctx.tenant, answers.c.account == ctx.account.uuid, answers.c.key == key)


class IdempotentRoute(APIRoute):
    """For `APIRouter(route_class=…)`: its POST routes understand `Idempotency-Key`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if "POST" in (options.get("methods") or ()):
            options["openapi_extra"] = {**(options.get("openapi_extra") or {}), "parameters": [_PARAMETER]}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's hook: the handler, done once for each key."""
        handle = super().get_route_handler()

        async def once(request: Request) -> Response:
            key = _key(request)
            ctx = await visitor(request) if key else None
            # keys of nobody in particular could be guessed, and with them somebody's answer
            if key is None or ctx is None or ctx.principal.account is None:
                return await handle(request)
            container: Container = request.app.state.container
            return await container.get(IdempotencyKeys).once(
                ctx, key=key, fingerprint=await _fingerprint(request), handle=lambda: handle(request)
            )

        return once


def _key(request: Request) -> str | None:
    """The header's text, which the draft puts in quotes and many clients do not."""
    sent = request.headers.get(HEADER)
    if sent is None or request.method != "POST":
        return None
    key = sent.strip().removeprefix('"').removesuffix('"')
    if not key or len(key) > _LONGEST or not key.isprintable():
        raise Invalid(f"An idempotency key has 1 to {_LONGEST} printable characters.", field=HEADER)
    return key


async def _fingerprint(request: Request) -> bytes:
    """What makes two requests the same: method, address and body."""
    target = f"{request.method} {request.url.path}?{request.url.query}\n"
    return hashlib.sha256(target.encode() + await request.body()).digest()


_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": _LONGEST},
    "description": "A new random text for each request; repeating the request with it changes nothing more.",
}
