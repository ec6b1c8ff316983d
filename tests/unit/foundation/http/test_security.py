from collections.abc import Iterator

import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from vitascope.foundation.http.problems import install
from vitascope.foundation.http.security import BodyLimit, ContentSecurityPolicy, SecurityHeaders
from vitascope.foundation.testing.asgi import call


async def _page(_: Request) -> Response:
    return PlainTextResponse("hello", headers={"referrer-policy": "no-referrer"})


class TestSecurityHeaders:
    async def test_strict_by_default(self) -> None:
        """Every answer forbids foreign scripts, sniffing and framing."""
        answer = await call(SecurityHeaders(Starlette(routes=[Route("/", _page)])), "GET", "/")

        policy = answer.headers["content-security-policy"].split("; ")
        assert {
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        } <= set(policy)
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "geolocation=()" in answer.headers["permissions-policy"]

    @pytest.mark.parametrize(
        ("given", "found"),
        [
            ({}, "no-store"),
            ({"etag": '"1"'}, "private, no-cache"),
            ({"cache-control": "public, max-age=60"}, "public, max-age=60"),
        ],
    )
    async def test_caches_keep_what_says_so(self, given: dict[str, str], found: str) -> None:
        """An answer that says nothing of caches is kept by none, or with a tag asked for again."""

        async def page(_: Request) -> Response:
            return Response("page", headers=given)

        answer = await call(SecurityHeaders(Starlette(routes=[Route("/", page)])), "GET", "/")

        assert answer.headers["cache-control"] == found

    @pytest.mark.parametrize(
        ("url", "present"), [("http://testserver/", False), ("https://testserver/", True)]
    )
    async def test_hsts_only_on_https(self, url: str, present: bool) -> None:
        """Browsers are told to keep to https only by an answer that came over https."""
        answer = await call(SecurityHeaders(Starlette(routes=[Route("/", _page)])), "GET", url)

        assert ("strict-transport-security" in answer.headers) is present

    async def test_application_wins(self) -> None:
        """A header that the application set is left as it is, once."""
        answer = await call(SecurityHeaders(Starlette(routes=[Route("/", _page)])), "GET", "/")

        assert answer.headers.getlist("referrer-policy") == ["no-referrer"]

    def test_one_directive_opened(self) -> None:
        """An application opens one directive and keeps the others."""
        policy = ContentSecurityPolicy().allowing("media-src", "https://cdn.example")

        assert "media-src 'self' blob: https://cdn.example" in str(policy)
        assert "script-src 'self';" in str(policy)


class Note(BaseModel):
    text: str


def _limited(limit: int = 100) -> ASGIApp:
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    install(app)

    @app.post("/notes")
    async def notes(note: Note) -> int:
        return len(note.text)

    @app.post("/uploads/raw")
    async def raw(request: Request) -> int:
        return sum([len(chunk) async for chunk in request.stream()])

    return BodyLimit(app, limit=limit, larger={"/uploads/": 1000})


class TestBodyLimit:
    @pytest.mark.parametrize("size", [90, 91])
    async def test_boundary(self, size: int) -> None:
        """A body of exactly the limit is taken, one byte more is 413."""
        body = b'{"text":"' + b"x" * (size - 1) + b'"}'

        answer = await call(
            _limited(100), "POST", "/notes", headers={"content-type": "application/json"}, body=body
        )

        assert answer.status == (200 if len(body) <= 100 else 413)

    async def test_streamed_past_the_limit(self) -> None:
        """A body without a declared length is cut off while it streams, as a problem."""
        taken = 0

        def endless() -> Iterator[bytes]:
            nonlocal taken
            while True:
                taken += 40
                yield b"x" * 40

        answer = await call(
            _limited(100), "POST", "/notes", headers={"content-type": "application/json"}, body=endless()
        )

        assert (answer.status, answer.json()["type"]) == (413, "vitascope:too-large")
        assert taken == 120

    async def test_larger_for_some_paths(self) -> None:
        """A path with its own limit takes more."""
        assert (await call(_limited(), "POST", "/uploads/raw", body=b"x" * 1000)).json() == 1000
        assert (await call(_limited(), "POST", "/uploads/raw", body=b"x" * 1001)).status == 413
