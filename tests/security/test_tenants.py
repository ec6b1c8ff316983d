"""Role x tenant x endpoint: every operation of the application is asked by everybody, about everything.

What is asked is read off the routes. An operation that is new is unknown to the tables below, and the
test fails until somebody has said here who may use it.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from tests.security.conftest import House

from vitascope.console.theatre import live
from vitascope.foundation.db.server.endpoint import Role as DatabaseRole
from vitascope.identity.users.contracts import Role
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs import routes as jobs
from vitascope.video.viewing import routes as viewing

API = "/api/v1"


def at_least(role: Role) -> frozenset[Role]:
    """This role and those above it."""
    return frozenset(list(Role)[list(Role).index(role) :])


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Who may use an operation on what is the owner's, why if that is everybody, and what it takes."""

    who: frozenset[Role] | None
    why: str = ""
    json: Any = None
    content: bytes | None = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None


def public(why: str, **said: Any) -> Rule:
    """For everybody, signed in or not."""
    return Rule(who=None, why=why, **said)


def only(role: Role, **said: Any) -> Rule:
    """For this role and those above it."""
    return Rule(who=at_least(role), **said)


_TUS = {"tus-resumable": "1.0.0"}
_BYTES = {**_TUS, "content-type": "application/offset+octet-stream", "upload-offset": "0"}
_WRONG_MAIL = {"email": "nobody@example.org", "password": "correct horse battery"}
_CREDENTIALS = "how one comes to be signed in"
_PUBLISHED = "what is published is for visitors; a draft is answered 404"
_PAGE = "a page for visitors; what it shows is asked of the catalog as the visitor"

RULES: Mapping[str, Rule] = {
    "POST /api/v1/auth/sign-up": public(_CREDENTIALS, json={**_WRONG_MAIL, "name": "Nobody"}),
    "POST /api/v1/auth/verify": public(_CREDENTIALS, json={"token": "x"}),
    "POST /api/v1/auth/sign-in": public(_CREDENTIALS, json=_WRONG_MAIL),
    "POST /api/v1/auth/refresh": public(_CREDENTIALS, json={"refresh_token": "x"}),
    "POST /api/v1/auth/sign-out": public(_CREDENTIALS, json={"refresh_token": "x"}),
    "GET /api/v1/auth/me": only(Role.VIEWER),
    "GET /api/v1/auth/api-keys": only(Role.VIEWER),
    "POST /api/v1/auth/api-keys": only(Role.EDITOR, json={"name": "k", "permissions": ["video.upload"]}),
    "DELETE /api/v1/auth/api-keys/{key}": only(Role.OWNER),
    "GET /api/v1/accounts": only(Role.OWNER),
    "POST /api/v1/accounts": only(Role.OWNER, json={**_WRONG_MAIL, "name": "Nobody"}),
    "GET /api/v1/accounts/{account}": only(Role.OWNER),
    "PUT /api/v1/accounts/{account}/role": only(Role.OWNER, json={"role": "viewer"}),
    "GET /api/v1/tenant": only(Role.OWNER),
    "PATCH /api/v1/tenant": only(Role.OWNER, json={}, headers={"if-match": "*"}),
    "GET /api/v1/tenant/quotas": only(Role.OWNER),
    "GET /api/v1/tenant/audit": only(Role.OPERATOR),
    "GET /api/v1/jobs": only(Role.VIEWER),
    "POST /api/v1/jobs": only(Role.EDITOR, json={"source": "{source}"}),
    "GET /api/v1/jobs/events": only(Role.VIEWER),
    "GET /api/v1/jobs/{job}": only(Role.OPERATOR),
    "GET /api/v1/jobs/{job}/events": only(Role.OPERATOR),
    "GET /api/v1/jobs/{job}/history": only(Role.OPERATOR),
    "POST /api/v1/jobs/{job}/cancel": only(Role.OPERATOR),
    "POST /api/v1/jobs/{job}/retry": only(Role.OPERATOR),
    "OPTIONS /api/v1/uploads": public("says which protocol is spoken, and nothing of anybody's"),
    "OPTIONS /api/v1/uploads/{upload}": public("the same for every id"),
    "POST /api/v1/uploads": only(Role.EDITOR, headers={**_TUS, "upload-length": "1"}),
    "GET /api/v1/uploads": only(Role.VIEWER),
    "GET /api/v1/uploads/{upload}": only(Role.OWNER),
    "HEAD /api/v1/uploads/{upload}": only(Role.OWNER, headers=_TUS),
    "PATCH /api/v1/uploads/{upload}": only(Role.OWNER, headers=_BYTES, content=b"x"),
    "POST /api/v1/uploads/{upload}": only(
        Role.OWNER, headers={**_BYTES, "x-http-method-override": "PATCH"}, content=b"x"
    ),
    "DELETE /api/v1/uploads/{upload}": only(Role.OWNER, headers=_TUS),
    "GET /api/v1/titles": public(_PUBLISHED),
    "GET /api/v1/titles/mine": only(Role.VIEWER),
    "GET /api/v1/titles/{title}": public(_PUBLISHED),
    "PATCH /api/v1/titles/{title}": only(Role.OPERATOR, json={"name": "New"}),
    "DELETE /api/v1/titles/{title}": only(Role.OPERATOR),
    "POST /api/v1/titles/{title}/publish": only(Role.OPERATOR),
    "POST /api/v1/titles/{title}/unpublish": only(Role.OPERATOR),
    "PUT /api/v1/titles/{title}/artwork": only(Role.OPERATOR, content=b"\xff\xd8\xff"),
    "GET /api/v1/titles/{title}/poster": public(_PUBLISHED),
    "POST /api/v1/titles/{title}/playback": public(_PUBLISHED),
    "GET /api/v1/titles/{title}/views": public(_PUBLISHED),
    "GET /api/v1/titles/{title}/views/live": public(_PUBLISHED),
    "GET /api/v1/openapi.json": public("what the API is, not what is in it"),
    "GET /.well-known/jwks.json": public("public keys"),
    "GET /livez": public("for the inner network; says `ok`"),
    "GET /readyz": public("for the inner network; says which dependency answers"),
    "GET /metrics": public("for the inner network; counts by route, without tenants"),
    "GET /media/{token}/{path}": public("the token in the path is the right"),
    "OPTIONS /media/{token}/{path}": public("the same headers for every path"),
    "OPTIONS /licences/{token}": public("the same headers for every token"),
    "POST /beacons/{token}": public("the token in the path is the right", json={"events": []}),
    "POST /licences/{token}": public("the token in the path is the right", json={"kids": ["A" * 22]}),
    "GET /": public(_PAGE),
    "GET /signup": public(_PAGE),
    "POST /signup": public(_PAGE, form={"email": "nobody@example.org"}),
    "GET /signup/sent": public(_PAGE),
    "GET /verify": public(_PAGE),
    "POST /verify": public(_PAGE, form={"token": "x"}),
    "GET /login": public(_PAGE),
    "POST /login": public(_PAGE, form=_WRONG_MAIL),
    "GET /session/refresh": public(_PAGE),
    "POST /session/refresh": public(_PAGE),
    "POST /session/renew": public(_PAGE),
    "POST /session/logout": public(_PAGE),
    "GET /titles/{title}": public(_PAGE),
    "GET /titles/{title}/live": public(_PAGE),
    "GET /titles/{title}/edit": only(Role.OPERATOR),
    "POST /titles/{title}/edit": only(Role.OPERATOR, form={"version": "1", "name": "New"}),
    "POST /titles/{title}/publish": only(Role.OPERATOR),
    "POST /titles/{title}/unpublish": only(Role.OPERATOR),
    "POST /titles/{title}/remove": only(Role.OPERATOR),
    "GET /upload": only(Role.EDITOR),
    "GET /uploads": only(Role.EDITOR),
    "GET /uploads/list": only(Role.EDITOR),
    "GET /uploads/live": only(Role.EDITOR),
    "POST /uploads/jobs/{job}/cancel": only(Role.OPERATOR),
    "POST /uploads/jobs/{job}/retry": only(Role.OPERATOR),
    "GET /static/{version}/{path}": public("style sheets and scripts"),
}
ENDLESS = frozenset({"GET /api/v1/jobs/events", "GET /uploads/live"})
"""Streams without an id: they give what is the caller's own, and end only after minutes."""

BLIND = frozenset(
    {
        "OPTIONS /api/v1/uploads/{upload}",
        "OPTIONS /media/{token}/{path}",
        "OPTIONS /licences/{token}",
        "GET /static/{version}/{path}",
    }
)
"""What does not look at the id in its path."""

_DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
_LAST = ("cancel", "DELETE", "remove")


def operations_of(routes: Sequence[BaseRoute]) -> Iterator[str]:
    """Method and template of every route, through routers, mounts and applications."""
    for context in iter_route_contexts(routes):
        if isinstance(context.route, Mount):
            yield from operations_of(context.route.routes)
            continue
        template = re.sub(r":\w+}", "}", context.path or "")
        methods = context.methods or set()
        yield from (f"{one} {template}" for one in methods if one != "HEAD" or "GET" not in methods)


class Client:
    """Asks operations as somebody of one house, about things of the same or another one."""

    def __init__(self, http: httpx.AsyncClient, *, house: House, role: Role | None) -> None:
        self._http, self._house, self._role = http, house, role

    async def ask(self, operation: str, *, about: House, **ids: str) -> httpx.Response:
        """The answer to an operation about that house's things."""
        rule, (method, template) = RULES[operation], operation.split(" ", 1)
        known = {**about.ids, **ids, "token": "x", "path": "x", "version": "x", "source": about.job.source}
        request = self._http.build_request(
            method,
            template.format(**known),
            headers={**self._house.headers(self._role), **(rule.headers or {})},
            json=_filled(rule.json, known),
            content=rule.content,
            data=rule.form,
        )
        return await self._http.send(request)


def _filled(body: Any, known: Mapping[str, str]) -> Any:
    if not isinstance(body, dict):
        return body
    return {name: known.get(str(value).strip("{}"), value) for name, value in body.items()}


def is_about_something(operation: str) -> bool:
    """Whether the operation names a thing that has an id, in its path or its body."""
    return ("{" in operation or operation == "POST /api/v1/jobs") and operation not in BLIND


async def leaks(platform: PlatformUnderTest, *, home: House, other: House) -> list[str]:
    """What people at home get of another house, with its ids in their hands: nothing, if all is well."""
    found = []
    for role in (None, *Role):
        async with platform.client() as http:
            client = Client(http, house=home, role=role)
            for operation in RULES.keys() - ENDLESS:
                answer = await client.ask(operation, about=other)
                found += [f"{role}: {operation}: {why}" for why in _wrong(operation, answer, other)]
    return found


def _wrong(operation: str, answer: httpx.Response, other: House) -> Iterator[str]:
    allowed = _DENIED | {HTTPStatus.UNPROCESSABLE_ENTITY}
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        yield str(answer.status_code)
    if is_about_something(operation) and answer.status_code not in allowed:
        yield f"{answer.status_code} about a thing of another house"
    said = answer.text + str(answer.headers)
    if other.canary in said:
        yield "tells a name of another house"
    asked = str(answer.request.url)
    if any(one in said and one not in asked for one in other.ids.values()):
        yield "tells an id of another house"


@pytest.fixture(autouse=True)
def short_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream of events that is given to somebody ends after its first one."""
    monkeypatch.setattr(viewing, "_LIFETIME_SECONDS", 0.0)
    monkeypatch.setattr(jobs, "LIFETIME_SECONDS", 0.0)
    monkeypatch.setattr(live, "LIFETIME_SECONDS", 0.0)


@pytest.fixture
async def at_home(platform: PlatformUnderTest, home: House) -> AsyncIterator[Callable[[Role | None], Client]]:
    """Makes a client of somebody at home."""
    async with platform.client() as http:
        yield lambda role: Client(http, house=home, role=role)


class TestCompleteness:
    async def test_every_operation_is_known(self, platform: PlatformUnderTest) -> None:
        """Who may use an operation is written down here, for each that the application has."""
        application = platform.app._app  # type: ignore[attr-defined]  # below the telemetry
        assert isinstance(application, Starlette)

        operations = set(operations_of(application.routes))

        assert operations == set(RULES)


class TestOtherHouse:
    async def test_nothing_is_told(self, platform: PlatformUnderTest, home: House, other: House) -> None:
        """Nobody, whatever they may do at home, gets at a thing or a name of another house."""
        assert await leaks(platform, home=home, other=other) == []

    async def test_matrix_sees_a_leak(self, platform: PlatformUnderTest, home: House, other: House) -> None:
        """Planted: without row-level security on titles, the matrix finds them."""
        owner = await asyncpg.connect(platform.endpoint.dsn(DatabaseRole.OWNER))
        await owner.execute("ALTER TABLE video_catalog.titles DISABLE ROW LEVEL SECURITY")
        await owner.close()

        found = await leaks(platform, home=home, other=other)

        assert any("GET /api/v1/titles/{title}" in one for one in found)
        assert any("tells a name" in one for one in found)

    async def test_token_ends_at_its_house(
        self, platform: PlatformUnderTest, home: House, other: House
    ) -> None:
        """A token or a key of one house is none at another's address."""
        for credential in (home.tokens[Role.OWNER].access_token, home.key_secret):
            headers = {"host": other.host, "authorization": f"Bearer {credential}"}
            async with platform.client() as http:
                answer = await http.get(f"{API}/auth/me", headers=headers)

            assert answer.status_code == HTTPStatus.UNAUTHORIZED

    async def test_refresh_token_ends_at_its_house(
        self, platform: PlatformUnderTest, home: House, other: House
    ) -> None:
        """So is a refresh token, which still works at home afterwards."""
        body = {"refresh_token": home.tokens[Role.OWNER].refresh_token}
        async with platform.client() as http:
            abroad = await http.post(f"{API}/auth/refresh", json=body, headers={"host": other.host})
            at_home = await http.post(f"{API}/auth/refresh", json=body, headers={"host": home.host})

        assert (abroad.status_code, at_home.status_code) == (HTTPStatus.UNAUTHORIZED, HTTPStatus.OK)

    async def test_parts_of_another_house(
        self, platform: PlatformUnderTest, home: House, other: House
    ) -> None:
        """No upload is joined from parts of another house."""
        said = {"upload-concat": f"final;{API}/uploads/{other.upload.id}", **_TUS}
        async with platform.client() as http:
            answer = await http.post(f"{API}/uploads", headers={**home.headers(Role.OWNER), **said})

        assert answer.status_code in {
            HTTPStatus.CONFLICT,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.UNPROCESSABLE_ENTITY,
        }


class TestRoles:
    async def test_who_may_not(self, at_home: Callable[[Role | None], Client], home: House) -> None:
        """A role without the right is refused, and nobody in particular is asked to sign in."""
        wrong = []
        for operation, rule in RULES.items():
            for role in {None, *Role} - (rule.who or {None, *Role}):
                answer = await at_home(role).ask(operation, about=home)
                expected = _DENIED - {HTTPStatus.UNAUTHORIZED} if role else {HTTPStatus.UNAUTHORIZED}
                if answer.status_code not in expected:
                    wrong.append(f"{role}: {operation}: {answer.status_code}")

        assert wrong == []

    async def test_who_may(self, at_home: Callable[[Role | None], Client], home: House) -> None:
        """The least role with the right is not refused."""
        wrong = []
        for operation in sorted(RULES.keys() - ENDLESS, key=lambda one: any(last in one for last in _LAST)):
            roles = RULES[operation].who
            if roles is None or operation.endswith(("/live", "/events")):
                continue
            least = next(role for role in Role if role in roles)
            title = home.shown.id if API in operation else home.draft.id
            answer = await at_home(least).ask(operation, about=home, title=title)
            if answer.status_code in _DENIED or answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                wrong.append(f"{least}: {operation}: {answer.status_code}")

        assert wrong == []

    @pytest.mark.parametrize("role", [None, Role.VIEWER, Role.EDITOR])
    async def test_draft_is_hidden(
        self, at_home: Callable[[Role | None], Client], home: House, role: Role | None
    ) -> None:
        """A title that is not published is not there, but for its owner and for operators."""
        public = [one for one, rule in RULES.items() if rule.who is None and "{title}" in one]

        answers = {one: await at_home(role).ask(one, about=home, title=home.draft.id) for one in public}

        assert {answer.status_code for answer in answers.values()} == {HTTPStatus.NOT_FOUND}
        assert [one for one, answer in answers.items() if "draft" in answer.text] == []
