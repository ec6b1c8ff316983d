from collections.abc import Mapping
from typing import Annotated

import pytest
from fastapi import APIRouter, FastAPI, Header, Query, Request, Response
from pydantic import BaseModel
from starlette.types import Message, Receive, Scope, Send

from vitascope.foundation.context import AccountId, Context, Principal, TenantId
from vitascope.foundation.errors import NotFound, Unauthenticated
from vitascope.foundation.http import problems
from vitascope.foundation.http.auth import Authenticator, SignedIn, Visitor
from vitascope.foundation.http.direct import DirectReads
from vitascope.foundation.http.pagination import Page, PagingQuery
from vitascope.foundation.http.telemetry import route_template
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.testing.asgi import Answer, call
from vitascope.foundation.wiring import Container, Provided

IDS = RandomIds()
TENANT, ACCOUNT = IDS.new(TenantId), IDS.new(AccountId)
SIGNED_IN = {"authorization": "Bearer ada"}


class Shelf:
    """Where reels are."""

    names = ("kiss", "train", "übel")


class Reel(BaseModel):
    """What is shown of one."""

    name: str
    asked_by: AccountId | None = None
    number: int = 0


class Door:
    """Knows one credential."""

    async def context(self, *, host: str, credential: str | None, trace: str | None) -> Context:
        """Ada's context, or nobody's."""
        if credential not in {None, "ada"}:
            raise Unauthenticated
        principal = Principal(account=ACCOUNT if credential else None, permissions=frozenset())
        return Context(tenant=TENANT, principal=principal, trace=trace)


router = APIRouter(prefix="/reels")


@router.get("")
async def listed(
    ctx: Visitor,
    shelf: Provided[Shelf],
    paging: PagingQuery,
    tag: Annotated[list[str] | None, Query()] = None,
) -> Page[Reel]:
    """A list."""
    names = [*shelf.names, *(tag or [])][: paging.limit]
    return Page[Reel](items=[Reel(name=name, asked_by=ctx.principal.account) for name in names])


@router.get("/mine")
async def mine(request: Request, ctx: SignedIn) -> Reel:
    """A literal path, which comes before the parameter."""
    return Reel(name=request.url.path, asked_by=ctx.account)


@router.get("/stream", response_class=Response)
async def stream() -> Response:
    """Something that the framework answers."""
    return Response("stream", media_type="text/plain")


@router.get("/{number}/raw")
async def raw(number: int) -> Reel:
    """A model that is wrong."""
    return Reel.model_construct(name=None, number=number)


@router.get("/{number}", response_model=Reel)
async def one(
    *,
    number: int,
    ctx: SignedIn,
    shelf: Provided[Shelf],
    response: Response,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Reel | Response:
    """One, with a tag."""
    if number >= len(shelf.names):
        raise NotFound
    if if_none_match == '"1"':
        return Response(status_code=304, headers={"etag": '"1"'})
    response.headers["etag"] = '"1"'
    return Reel(name=shelf.names[number], asked_by=ctx.account, number=number)


@router.post("/{number}")
async def add(number: int) -> Reel:
    """Not a read."""
    return Reel(name="new", number=number)


def _app(*, direct: bool) -> FastAPI:
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    container = Container()
    container.put(Authenticator, Door())
    container.put(Shelf, Shelf())
    app.state.container = container
    app.include_router(router, prefix="/api/v1")
    if direct:
        app.router.routes.insert(0, DirectReads(app.router.routes))
    problems.install(app)
    return app


async def _asked(method: str, path: str, headers: Mapping[str, str], *, direct: bool) -> Answer:
    return await call(_app(direct=direct), method, f"/api/v1{path}", headers=headers)


class TestSameAnswers:
    @pytest.mark.parametrize("headers", [{}, SIGNED_IN, {"authorization": "Bearer eve"}], ids=str)
    @pytest.mark.parametrize(
        "path",
        [
            "/reels",
            "/reels?limit=1",
            "/reels?limit=0&cursor=" + 2000 * "x",
            "/reels?limit=one",
            "/reels?tag=a&tag=b",
            "/reels/mine",
            "/reels/stream",
            "/reels/0",
            "/reels/2",
            "/reels/3",
            "/reels/first",
            "/reels/0/raw",
            "/reels/0/",
            "/reels/0/nothing",
            "/nothing",
        ],
    )
    async def test_as_the_framework(self, path: str, headers: Mapping[str, str]) -> None:
        """Status, headers and body of every read are those that the framework would send."""
        direct, framework = [await _asked("GET", path, headers, direct=one) for one in (True, False)]

        assert (direct.status, direct.body) == (framework.status, framework.body)
        assert sorted(direct.headers.raw) == sorted(framework.headers.raw)

    async def test_not_modified(self) -> None:
        """So is the answer to a condition."""
        asked = {**SIGNED_IN, "if-none-match": '"1"'}

        direct, framework = [await _asked("GET", "/reels/1", asked, direct=one) for one in (True, False)]

        assert (direct.status, direct.body, direct.headers.raw) == (304, b"", framework.headers.raw)

    @pytest.mark.parametrize("method", ["POST", "HEAD", "DELETE"])
    async def test_other_methods_are_the_frameworks(self, method: str) -> None:
        """What is no read is left alone."""
        direct, framework = [await _asked(method, "/reels/1", {}, direct=one) for one in (True, False)]

        assert (direct.status, direct.body) == (framework.status, framework.body)


class TestTaken:
    @pytest.mark.parametrize(
        ("path", "taken"),
        [
            ("/reels/1", True),
            ("/reels", True),
            ("/reels/mine", True),
            ("/reels/stream", False),
            ("/x", False),
        ],
    )
    async def test_which_requests(self, path: str, taken: bool) -> None:
        """Reads of JSON are taken; a path that stands before them in the framework is not."""
        (reads, *_) = _app(direct=True).router.routes
        scope = {"type": "http", "method": "GET", "path": f"/api/v1{path}"}

        match, _ = reads.matches(scope)

        assert bool(match.value) is taken

    async def test_route_is_known_to_telemetry(self) -> None:
        """The template of the route is there for metrics, not the path."""
        seen: list[str] = []
        app = _app(direct=True)

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            async def tell(message: Message) -> None:
                await send(message)

            await app(scope, receive, tell)
            seen.append(route_template(scope))

        await call(watched, "GET", "/api/v1/reels/1", headers=SIGNED_IN)

        assert seen == ["/api/v1/reels/{number}"]
