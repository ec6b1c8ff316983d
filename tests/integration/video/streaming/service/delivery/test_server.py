import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urljoin

import aiohttp
import m3u8
import pytest
from tests.integration.video.streaming.service.delivery.conftest import MASTER, SEGMENT, Film

from vitascope.video.streaming.service.delivery.library import Library
from vitascope.video.streaming.service.delivery.server import MediaServer
from vitascope.video.streaming.service.settings import StreamingSettings


@pytest.fixture
async def port(film: Film) -> AsyncIterator[int]:
    """A running media server."""
    server = MediaServer(
        library=Library(tokens=film.tokens, objects=film.objects), settings=StreamingSettings()
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve(listening))
        yield listening.getsockname()[1]
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


@pytest.fixture
async def base(film: Film, port: int) -> str:
    """The address of the film's folder."""
    return f"http://127.0.0.1:{port}/media/{film.token()}/"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client of another make than the server."""
    async with aiohttp.ClientSession() as session:
        yield session


async def _raw(port: int, data: bytes) -> bytes:
    """Everything that a connection answers until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    async with asyncio.timeout(60):
        answered = await reader.read()
    writer.close()
    return answered


class TestMediaServer:
    async def test_sends_a_segment_whole(self, http: aiohttp.ClientSession, base: str) -> None:
        """A segment arrives byte for byte."""
        async with http.get(base + "video/00001.m4s") as response:
            body = await response.read()

        assert (response.status, body == SEGMENT) == (200, True)
        assert response.headers["content-type"] == "video/iso.segment"

    async def test_manifest_needs_no_rewriting(self, http: aiohttp.ClientSession, base: str) -> None:
        """The relative addresses in a manifest keep the token, because it is a part of the path."""
        async with http.get(base + "master.m3u8") as response:
            body, address = await response.read(), str(response.url)

        manifest = m3u8.loads(body.decode(), uri=address)
        assert body == MASTER
        assert manifest.playlists[0].absolute_uri == urljoin(base, "video/index.m3u8")

    async def test_answers_head_without_a_body(self, http: aiohttp.ClientSession, base: str) -> None:
        """HEAD tells the size and sends nothing, and the connection goes on."""
        for _ in range(2):
            async with http.head(base + "video/00001.m4s") as response:
                assert response.headers["content-length"] == str(len(SEGMENT))
                assert await response.read() == b""

    @pytest.mark.parametrize(
        ("asked", "part"),
        [
            ("bytes=0-0", slice(0, 1)),
            ("bytes=-5", slice(-5, None)),
            ("bytes=2999990-", slice(2_999_990, None)),
        ],
    )
    async def test_sends_a_range(
        self, http: aiohttp.ClientSession, base: str, asked: str, part: slice
    ) -> None:
        """A part is sent as 206."""
        async with http.get(base + "video/00001.m4s", headers={"range": asked}) as response:
            body = await response.read()

        assert (response.status, body) == (206, SEGMENT[part])

    async def test_refuses_a_range_beyond_the_end(self, http: aiohttp.ClientSession, base: str) -> None:
        """A part that does not exist is refused with the size, as a problem."""
        async with http.get(base + "video/00001.m4s", headers={"range": "bytes=9000000-"}) as response:
            problem = await response.json(content_type="application/problem+json")

        assert (response.status, problem["type"]) == (416, "vitascope:range-not-satisfiable")
        assert response.headers["content-range"] == f"bytes */{len(SEGMENT)}"

    async def test_says_unchanged(self, http: aiohttp.ClientSession, base: str) -> None:
        """Who has a file gets 304 and no bytes, and the connection goes on."""
        async with http.get(base + "master.m3u8") as first:
            headers = {"if-none-match": first.headers["etag"]}
        for _ in range(2):
            async with http.get(base + "master.m3u8", headers=headers) as again:
                assert (again.status, await again.read()) == (304, b"")

    async def test_answers_preflight_for_other_origins(self, http: aiohttp.ClientSession, base: str) -> None:
        """A page of another port may ask for ranges and read the answer."""
        async with http.options(base + "master.m3u8", headers={"origin": "http://a.example"}) as response:
            assert response.status == 204

        assert response.headers["access-control-allow-origin"] == "*"
        assert "range" in response.headers["access-control-allow-headers"]

    @pytest.mark.parametrize(
        "path",
        [
            "missing.m4s",
            "encoded.json",
            "link.m4s",
            "folder.m4s",
            "../secret.m4s",
            "%2e%2e/secret.m4s",
            "video/",
        ],
    )
    async def test_opens_nothing_else(self, film: Film, port: int, path: str) -> None:
        """What is missing, of another kind, a link, a folder or outside is not there."""
        request = f"GET /media/{film.token()}/{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

        answered = await _raw(port, request.encode())

        assert answered.startswith(b"HTTP/1.1 404 ")
        assert b"secret" not in answered.partition(b"\r\n\r\n")[2].replace(path.encode(), b"")

    async def test_refuses_expired_and_forged_tokens(
        self, film: Film, port: int, http: aiohttp.ClientSession
    ) -> None:
        """An expired token and one that was changed are refused, for manifests as for segments."""
        expired, forged = film.token(valid_for=timedelta(seconds=-1)), "A" + film.token()[1:]

        statuses = []
        for token in (expired, forged):
            for name in ("master.m3u8", "video/00001.m4s"):
                async with http.get(f"http://127.0.0.1:{port}/media/{token}/{name}") as response:
                    statuses.append(response.status)

        assert statuses == [403] * 4

    async def test_only_reads(self, http: aiohttp.ClientSession, base: str) -> None:
        """Any other method is refused, and says which are not."""
        async with http.post(base + "master.m3u8", data=b"x" * 100) as response:
            assert (response.status, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")

    @pytest.mark.parametrize(
        "data",
        [
            b"nonsense\r\n\r\n",
            b"GET / HTTP/1.1\r\n bad header\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: " + b"y" * 40_000,
            b"GET /media/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        ],
    )
    async def test_ends_what_it_does_not_understand(self, port: int, data: bytes) -> None:
        """A request that breaks the rules is refused and its connection closed."""
        answered = await _raw(port, data)

        assert answered.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 405 "))

    async def test_answers_pipelined_requests_in_order(self, film: Film, port: int) -> None:
        """Requests that are sent without waiting are answered one after the other."""
        head = f"HEAD /media/{film.token()}/master.m3u8 HTTP/1.1\r\nHost: a\r\n".encode()

        answered = await _raw(port, head + b"\r\n" + head + b"Connection: close\r\n\r\n")

        assert answered.count(b"HTTP/1.1 200 OK") == 2

    async def test_slow_player_does_not_stop_others(self, film: Film, port: int, base: str) -> None:
        """While one player takes nothing of its segment, another gets the whole of it."""
        with socket.create_connection(("127.0.0.1", port)) as slow:
            slow.sendall(f"GET /media/{film.token()}/video/00001.m4s HTTP/1.1\r\nHost: a\r\n\r\n".encode())

            async with aiohttp.ClientSession() as http, http.get(base + "video/00001.m4s") as response:
                body = await response.read()

        assert body == SEGMENT

    async def test_many_players_at_once(self, base: str) -> None:
        """Fifty players at once each get their whole segment."""
        async with aiohttp.ClientSession() as http:

            async def take() -> bool:
                async with http.get(base + "video/00001.m4s") as response:
                    return await response.read() == SEGMENT

            taken = await asyncio.gather(*(take() for _ in range(50)))

        assert all(taken)

    async def test_stops_with_players_connected(self, film: Film) -> None:
        """Stopping ends the thread, though players are connected and one is amid a segment."""
        server = MediaServer(
            library=Library(tokens=film.tokens, objects=film.objects), settings=StreamingSettings()
        )
        with socket.create_server(("127.0.0.1", 0)) as listening:
            serving = asyncio.create_task(server.serve(listening))
            address = listening.getsockname()
            with socket.create_connection(address) as idle, socket.create_connection(address) as amid:
                amid.sendall(f"GET /media/{film.token()}/video/00001.m4s HTTP/1.1\r\n\r\n".encode())
                await asyncio.sleep(0.1)

                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)

                assert idle.recv(1) == b""

        assert "media" not in {thread.name for thread in threading.enumerate()}
