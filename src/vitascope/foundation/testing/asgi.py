"""Call an ASGI application without a server: what it was asked, what it answered, byte for byte."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message


@dataclass(slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int = 0
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    def json(self) -> Any:
        """The body, parsed."""
        return orjson.loads(self.body)


async def call(
    app: ASGIApp,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | Iterable[bytes] = b"",
) -> Answer:
    """Send one request; an iterable body goes out in its chunks, without a Content-Length."""
    parts = urlsplit(url)
    sent = {"host": "testserver", **(headers or {})}
    if isinstance(body, bytes):
        sent.setdefault("content-length", str(len(body)))
        body = [body]
    chunks = iter(body)
    answer = Answer()

    async def receive() -> Message:
        await asyncio.sleep(0)
        chunk = next(chunks, None)
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], Headers(raw=list(message["headers"]))
        else:
            answer.body += message.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": parts.scheme or "http",
        "path": parts.path,
        "raw_path": parts.path.encode("utf-8"),
        "query_string": parts.query.encode("ascii"),
        "root_path": "",
        "headers": [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }
    await app(scope, receive, send)
    return answer
