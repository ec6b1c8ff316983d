"""Files that the kernel sends: the ASGI extension `http.response.zerocopysend`, which uvicorn lacks.

An application that finds the extension in its scope starts its answer as always, and then names an open
file, an offset and a count; the bytes go from the page cache to the socket by sendfile(2), never through
Python. Source: the ASGI specification, extensions.
"""

import asyncio
import errno
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

EXTENSION = "http.response.zerocopysend"
_CHUNK_BYTES = 1 << 20  # after so many bytes to one client, the others get their turn
_STALL_SECONDS = 60
# How it shows that a client is gone; the timeout of one that reads no more has no number.
_GONE = {None, errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EBADF}


def is_offered(scope: Scope) -> bool:
    """Whether the server of this request can send files by itself."""
    return EXTENSION in scope.get("extensions", {})


class FileResponse(Response):
    """A part of an open file, to be sent by the server; closes the descriptor in the end.

    For a server that offers the extension only. The headers tell the `count` as `content-length`.
    """

    def __init__(
        self, descriptor: int, *, offset: int, count: int, status_code: int, headers: Mapping[str, str]
    ) -> None:
        super().__init__(status_code=status_code, headers=dict(headers))
        self._descriptor, self._offset, self._count = descriptor, offset, count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as in Starlette
        """Send it."""
        with io.FileIO(self._descriptor) as file:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            await send({"type": EXTENSION, "file": file, "offset": self._offset, "count": self._count})


class ZeroCopyProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with the extension, where the connection is not encrypted."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._application = self.app
        self.app = self._offer

    async def _offer(self, scope: Any, receive: Any, send: Any) -> None:
        cycle = getattr(send, "__self__", None)
        if self.scheme != "http" or not isinstance(cycle, RequestResponseCycle):
            await self._application(scope, receive, send)
            return
        scope["extensions"] = {**scope.get("extensions", {}), EXTENSION: {}}

        async def send_or_copy(message: Message) -> None:
            if message["type"] == EXTENSION:
                await self._copy(cycle, message)
                message = {"type": "http.response.body", "more_body": message.get("more_body", False)}
            await send(message)

        await self._application(scope, receive, send_or_copy)

    async def _copy(self, cycle: RequestResponseCycle, message: Message) -> None:
        """Send a part of a file after what was written before; a client that goes away is no error."""
        # A descriptor of our own: the transport watches its own, and may close it while we send.
        connection = os.dup(self.transport.get_extra_info("socket").fileno())
        file, offset = message["file"].fileno(), int(message.get("offset", 0))
        part = _Part(file=file, offset=offset, count=message["count"])
        cycle.expected_content_length -= part.count
        try:
            while self.transport.get_write_buffer_size() and not cycle.disconnected:
                await _writable(connection)
            while part.count and not cycle.disconnected:
                await part.send_some(connection)
        except OSError as failure:
            if failure.errno not in _GONE:
                raise
            cycle.disconnected = True
            self.transport.abort()
        finally:
            os.close(connection)


@dataclass
class _Part:
    """What is left of a file to be sent."""

    file: int
    offset: int
    count: int

    async def send_some(self, connection: int) -> None:
        length = min(self.count, _CHUNK_BYTES)
        try:
            if _is_cached(self.file, self.offset, length):
                sent = os.sendfile(connection, self.file, self.offset, length)
            else:
                sent = await asyncio.to_thread(os.sendfile, connection, self.file, self.offset, length)
        except BlockingIOError:
            await _writable(connection)
            return
        if not sent:
            raise BrokenPipeError(errno.EPIPE, "the file became shorter while it was sent")
        self.offset, self.count = self.offset + sent, self.count - sent
        if self.count:
            await asyncio.sleep(0)


def _is_cached(file: int, offset: int, length: int) -> bool:
    """Whether the first and the last page are in memory: a cold disk must stall nobody else."""
    page = bytearray(1)
    try:
        for place in (offset, offset + length - 1):
            os.preadv(file, [page], place, os.RWF_NOWAIT)
    except OSError:  # EAGAIN: not in memory; EOPNOTSUPP: this file system cannot say
        return False
    return True


async def _writable(connection: int) -> None:
    loop = asyncio.get_running_loop()
    free = asyncio.Event()
    loop.add_writer(connection, free.set)
    try:
        async with asyncio.timeout(_STALL_SECONDS):
            await free.wait()
    finally:
        loop.remove_writer(connection)
