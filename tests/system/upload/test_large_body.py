"""A body that is much larger than the memory it may take."""

from collections.abc import AsyncIterator

import httpx
from tests.system.upload.server import KillableServer

BLOCK = bytes(range(256)) * 1024
BLOCKS = 256  # 64 MiB
TUS = {"Tus-Resumable": "1.0.0"}
GROWTH_BYTES = 24 << 20


async def _blocks() -> AsyncIterator[bytes]:
    for _ in range(BLOCKS):
        yield BLOCK


class TestLargeBody:
    async def test_takes_constant_memory(self, server: KillableServer) -> None:
        """A request with 64 MiB makes the server grow by a small part of that."""
        await server.start()
        size = len(BLOCK) * BLOCKS
        async with httpx.AsyncClient(timeout=180, trust_env=False) as http:
            created = await http.post(server.url, headers={**TUS, "Upload-Length": str(size)})
            url = f"http://127.0.0.1:{server.port}{created.headers['Location']}"
            before = server.resident_bytes
            headers = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}

            answer = await http.patch(url, content=_blocks(), headers=headers)

        assert answer.headers["Upload-Offset"] == str(size)
        assert server.resident_bytes - before < GROWTH_BYTES
