"""Kills: whatever dies and whenever, the upload goes on and the file is the same."""

import asyncio
import hashlib
import os
import random
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.system.upload.serve import LATE_SECONDS
from tests.system.upload.server import KillableServer

from vitascope.foundation.context import Context
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.storage.objects import ObjectMissing
from vitascope.runtime.testing import PlatformUnderTest

FILM = os.urandom(1_500_000)
TUS = {"Tus-Resumable": "1.0.0"}
KILLS = 3
PATIENCE_SECONDS = 120
LOCKED = 423


class Client:
    """An upload client that goes on after every failure."""

    def __init__(self, server: KillableServer) -> None:
        self._server = server
        self.location = ""

    async def create(self) -> None:
        """Open the upload."""
        headers = {**TUS, "Upload-Length": str(len(FILM))}
        async with self._http() as http:
            answer = await http.post(self._server.url, headers=headers)
        assert answer.status_code == 201, answer.text
        self.location = f"http://127.0.0.1:{self._server.port}{answer.headers['Location']}"

    async def offset(self) -> int:
        """What the server has."""
        async with self._http() as http:
            return int((await http.head(self.location, headers=TUS)).headers["Upload-Offset"])

    async def send(self, *, seconds: float) -> int:
        """Send what is missing, evenly over so many seconds; the status, 0 if the connection broke."""
        headers = {**TUS, "Content-Type": "application/offset+octet-stream"}
        try:
            start = await self.offset()
            headers["Upload-Offset"] = str(start)
            async with self._http() as http:
                answer = await http.patch(self.location, content=self._paced(start, seconds), headers=headers)
        except httpx.HTTPError:
            return 0
        if answer.status_code == LOCKED:
            await asyncio.sleep(0.2)
            return await self.send(seconds=seconds)
        return answer.status_code

    async def until_more_is_there(self) -> None:
        """Wait until the server has more than it has now."""
        before = await self.offset()
        while await self.offset() == before:  # noqa: ASYNC110 - another process is asked
            await asyncio.sleep(0.05)

    async def send_all(self) -> None:
        """Go on until everything is there."""
        for _ in range(50):
            if await self.send(seconds=0) == 204:
                return
            await asyncio.sleep(0.2)
        raise AssertionError("the upload never finished")

    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=PATIENCE_SECONDS, trust_env=False)

    async def _paced(self, start: int, seconds: float) -> AsyncIterator[bytes]:
        for at in range(start, len(FILM), 20_000):
            yield FILM[at : at + 20_000]
            await asyncio.sleep(seconds * 20_000 / len(FILM))


async def _survives(
    server: KillableServer,
    platform: PlatformUnderTest,
    objects: LocalObjects,
    ctx: Context,
    *,
    forgetful: bool,
) -> str:
    """Kill the server some times while a client sends; the digest of what is stored in the end."""
    seed = int.from_bytes(os.urandom(4))
    print("seed", seed)  # noqa: T201 - a failure can be repeated
    chance = random.Random(seed)
    await server.start(forgetful=forgetful)
    client = Client(server)
    await client.create()
    for _ in range(KILLS):
        sending = asyncio.create_task(client.send(seconds=10))
        await client.until_more_is_there()
        await asyncio.sleep(chance.uniform(0, 0.4))
        server.kill()
        assert await sending == 0
        await server.start(forgetful=forgetful)
    await client.send_all()
    await asyncio.sleep(LATE_SECONDS + 0.5 if forgetful else 0)
    await platform.pump()
    upload = client.location.rpartition("/")[2]
    return hashlib.sha256(await objects.get(ObjectKey(f"{ctx.tenant}/uploads/{upload}/source"))).hexdigest()


class TestKilledServer:
    async def test_resumes(
        self, server: KillableServer, platform: PlatformUnderTest, objects: LocalObjects, ctx: Context
    ) -> None:
        """A server that is killed again and again while bytes come in ends with the very same file."""
        digest = await _survives(server, platform, objects, ctx, forgetful=False)

        assert digest == hashlib.sha256(FILM).hexdigest()

    async def test_a_planted_bug_shows(
        self, server: KillableServer, platform: PlatformUnderTest, objects: LocalObjects, ctx: Context
    ) -> None:
        """The same test fails on a server that acknowledges bytes before they are safe."""
        with pytest.raises(ObjectMissing):
            await _survives(server, platform, objects, ctx, forgetful=True)


class TestKilledClient:
    async def test_what_arrived_counts(self, server: KillableServer, ctx: Context) -> None:
        """The bytes before a broken connection count, and the upload is free again at once."""
        await server.start()
        client = Client(server)
        await client.create()
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        path = client.location.partition(str(server.port))[2]
        writer.write(
            f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
            f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(FILM)}\r\n\r\n".encode()
        )
        writer.transport.set_write_buffer_limits(0)
        writer.write(FILM[:200_001])
        await writer.drain()

        writer.transport.abort()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await client.offset() != 200_001:  # noqa: ASYNC110 - another process is asked
                await asyncio.sleep(0.05)

        assert await client.send(seconds=0) == 204
