"""A client of the platform's public API: what a customer's program would do."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import aiohttp

from vitascope.foundation.errors import VitascopeError

_PIECE_BYTES = 8 * 2**20
_POLL_SECONDS = 0.3

Json = dict[str, Any]


class RequestRefused(VitascopeError):
    """The platform answered with a problem."""


class ApiClient:
    """Talks to one platform as one account."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open connections."""
        self._session = aiohttp.ClientSession(base_url=self._url)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        await self._http.close()

    async def sign_in(self, *, email: str, password: str) -> None:
        """Sign in; all that follows is done as this account."""
        tokens = await self._ask("POST", "/api/v1/auth/sign-in", json={"email": email, "password": password})
        self._http.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    async def upload(self, film: Path, *, title: str, heard: Callable[[float], None]) -> None:
        """Send the file by tus, in pieces; it shall be published as soon as it plays."""
        size = (await asyncio.to_thread(film.stat)).st_size
        metadata = {"filename": film.name, "title": title, "publish": "true"}
        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": _tus(metadata)}
        async with self._http.post("/api/v1/uploads", headers=headers) as created:
            await _require(created)
            place = created.headers["Location"]
        with film.open("rb") as file:
            offset = 0
            while offset < size:
                offset = await self._send(place, file.read(_PIECE_BYTES), offset)
                heard(offset / size)

    async def titles(self) -> list[Json]:
        """The account's newest titles."""
        mine = await self._ask("GET", "/api/v1/titles/mine")
        return cast("list[Json]", mine["items"])

    async def new_title(self, *, known: Collection[str]) -> Json:
        """A title that is not among these ids and has a job, waited for."""
        while True:
            for title in await self.titles():
                if title["id"] not in known and title["job"]:
                    return title
            await asyncio.sleep(_POLL_SECONDS)

    async def follow(self, job: str) -> AsyncIterator[Json]:
        """A transcoding job as it goes on, until it is final."""
        while True:
            state = await self._ask("GET", f"/api/v1/jobs/{job}")
            yield state
            if state["state"] in {"completed", "failed", "cancelled"}:
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def published(self, title: str) -> Json:
        """The title once it is published, waited for."""
        while True:
            found = await self._ask("GET", f"/api/v1/titles/{title}")
            if found["published_at"]:
                return found
            await asyncio.sleep(_POLL_SECONDS)

    async def play(self, title: str) -> Json:
        """A playback session."""
        return await self._ask("POST", f"/api/v1/titles/{title}/playback")

    async def bytes_of(self, url: str) -> bytes:
        """What lies at an address, absolute or relative to the platform's."""
        async with self._http.get(url) as answer:
            await _require(answer)
            return await answer.read()

    @property
    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the client is used in an `async with`")
        return self._session

    async def _send(self, place: str, piece: bytes, offset: int) -> int:
        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
        }
        async with self._http.patch(place, data=piece, headers=headers) as answer:
            await _require(answer)
            return int(answer.headers["Upload-Offset"])

    async def _ask(self, method: str, path: str, **given: Any) -> Json:
        async with self._http.request(method, path, **given) as answer:
            await _require(answer)
            return cast("Json", await answer.json())


def _tus(metadata: dict[str, str]) -> str:
    """`Upload-Metadata`: names and values in Base64."""
    return ",".join(f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in metadata.items())


async def _require(answer: aiohttp.ClientResponse) -> None:
    if answer.ok:
        return
    problem = await answer.json(content_type=None)
    detail = problem.get("detail") if isinstance(problem, dict) else None
    raise RequestRefused(detail or f"{answer.method} {answer.url.path} answered {answer.status}.")
