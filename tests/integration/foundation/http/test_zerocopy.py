import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from vitascope.foundation.http.zerocopy import FileResponse, ZeroCopyProtocol, is_offered

SIZE = 5_000_000


class Shelf:
    """Sends parts of one file, and remembers what it was offered."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.offered: list[bool] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `?offset&count`."""
        self.offered.append(is_offered(scope))
        asked = Request(scope).query_params
        offset, count = int(asked.get("offset", 0)), int(asked.get("count", SIZE))
        descriptor = os.open(self.file, os.O_RDONLY)
        response = FileResponse(
            descriptor, offset=offset, count=count, status_code=200, headers={"content-length": str(count)}
        )
        await response(scope, receive, send)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A file whose every byte tells where it stands."""
    file = tmp_path / "film.m4s"
    file.write_bytes(bytes(n * 7 % 251 for n in range(SIZE)))
    return Shelf(file)


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[tuple[str, int]]:
    """The application on a free port, by the protocol; its address."""
    config = uvicorn.Config(app, port=0, http=ZeroCopyProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it by this attribute only
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()
    finally:
        server.should_exit = True
        await serving


def client_of(address: tuple[str, int]) -> httpx.AsyncClient:
    """One who asks there."""
    return httpx.AsyncClient(base_url=f"http://{address[0]}:{address[1]}", timeout=60)


class TestZeroCopy:
    async def test_whole_and_parts(self, shelf: Shelf) -> None:
        """The bytes arrive as they are, whole and in parts, many answers in one connection."""
        whole = shelf.file.read_bytes()
        async with (
            served(shelf) as (host, port),
            httpx.AsyncClient(base_url=f"http://{host}:{port}") as client,
        ):
            answers = [
                await client.get("/", params={"offset": offset, "count": count})
                for offset, count in ((0, SIZE), (17, 1), (1_000_000, 3_000_000), (SIZE - 5, 5), (0, 10))
            ]

        assert shelf.offered == [True] * 5
        assert [answer.content for answer in answers] == [
            whole,
            whole[17:18],
            whole[1_000_000:4_000_000],
            whole[-5:],
            whole[:10],
        ]

    async def test_many_at_once(self, shelf: Shelf) -> None:
        """Players that read at the same time each get all of it, the slow ones too."""
        whole = shelf.file.read_bytes()

        async def slow(address: tuple[str, int]) -> bytes:
            reader, writer = await asyncio.open_connection(*address, limit=4096)
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            got = bytearray()
            while piece := await reader.read(200_000):
                got += piece
                await asyncio.sleep(0.002)
            writer.close()
            return bytes(got)

        async with served(shelf) as address:
            found = await asyncio.gather(*(slow(address) for _ in range(8)))

        assert found == [whole] * 8

    async def test_gone(self, shelf: Shelf) -> None:
        """A player that leaves in the middle disturbs nobody, and its file is closed."""
        async with served(shelf) as address:
            reader, writer = await asyncio.open_connection(*address, limit=4096)
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()
            async with client_of(address) as client:
                after = await client.get("/", params={"count": 3})
                await _closed(shelf.file)

        assert len(after.content) == 3

    async def test_shorter_file(self, shelf: Shelf) -> None:
        """A file that is cut while it is sent ends the connection, never the answer as if it were whole."""
        os.truncate(shelf.file, SIZE // 2)

        async with (
            served(shelf) as (host, port),
            httpx.AsyncClient(base_url=f"http://{host}:{port}") as client,
        ):
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get("/")


async def _closed(file: Path) -> None:
    """Wait until this process has the file open nowhere."""
    async with asyncio.timeout(60):
        while _is_open(file):  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.01)


def _is_open(file: Path) -> bool:
    return str(file) in [_target(one) for one in Path("/proc/self/fd").iterdir()]


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""
