"""The media server of the platform itself: HTTP/1.1 in, `sendfile` out.

It speaks just what players ask of it: GET, HEAD and OPTIONS of one address, in keep-alive
connections. The kernel moves the bytes from the page cache to the socket; Python reads a request,
looks the token up, and writes one header. It runs in a thread with an event loop of its own, so that
a cold disk stalls no request of the API. Measured in decision record 0061.
"""

import asyncio
import contextlib
import os
import socket
import threading
from collections import deque
from collections.abc import Mapping
from http import HTTPStatus

import httptools
import orjson
import structlog

from vitascope.foundation.errors import NotFound, VitascopeError
from vitascope.video.streaming.service.delivery.answers import CORS, PREFLIGHT, Answer, Conditions, answer
from vitascope.video.streaming.service.delivery.library import Library
from vitascope.video.streaming.service.playback import MEDIA
from vitascope.video.streaming.service.settings import StreamingSettings

_log = structlog.get_logger(__name__)

_PREFIX = f"{MEDIA}/".encode()
_READ_BYTES = 16 * 1024
_MOST_HEADER_BYTES = 16 * 1024
_CHUNK_BYTES = 2 * 1024 * 1024  # after so many bytes to one player, the others get their turn
_IDLE_SECONDS = 75
_STALL_SECONDS = 60
_MOST_CONNECTIONS = 2000
_BACKLOG = 512
_METHODS = (b"GET", b"HEAD", b"OPTIONS")
_REASONS = {int(one): one.phrase for one in HTTPStatus}


class MethodNotAllowed(VitascopeError):
    """Media is only read: GET, HEAD."""

    status = HTTPStatus.METHOD_NOT_ALLOWED


class BadRequest(VitascopeError):
    """This is not a request that is understood here."""

    status = HTTPStatus.BAD_REQUEST


class Request:
    """One request, as the parser found it."""

    __slots__ = ("conditions", "has_body", "keep_alive", "method", "target")

    def __init__(self) -> None:
        self.method, self.target = b"", b""
        self.conditions: dict[bytes, str] = {}
        self.has_body = False
        self.keep_alive = True

    def split(self) -> tuple[str, str]:
        """The token and the path after it; raises NotFound."""
        plain, _, _ = self.target.partition(b"?")
        if not plain.startswith(_PREFIX) or not plain.isascii():
            raise NotFound
        token, _, path = plain[len(_PREFIX) :].decode("ascii").partition("/")
        return token, path


class Reader:
    """Turns bytes into requests, with the parser that uvicorn uses."""

    _CONDITIONS = frozenset({b"range", b"if-range", b"if-none-match"})

    def __init__(self) -> None:
        self.ready: deque[Request] = deque()
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request()
        self._unfinished = 0

    def feed(self, data: bytes) -> None:
        """Read on; raises BadRequest."""
        self._unfinished += len(data)
        if self._unfinished > _MOST_HEADER_BYTES + _READ_BYTES:
            raise BadRequest
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as failure:
            raise BadRequest from failure

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._request.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        name = name.lower()
        if name in self._CONDITIONS:
            self._request.conditions[name] = value.decode("latin-1")

    def on_body(self, _body: bytes) -> None:
        """A body, which nobody sends to read a film."""
        self._request.has_body = True

    def on_message_complete(self) -> None:
        """The end of a request."""
        self._request.method = self._parser.get_method()
        self._request.keep_alive = self._parser.should_keep_alive()
        self.ready.append(self._request)
        self._request, self._unfinished = Request(), 0


class Connection:
    """One player."""

    def __init__(self, sock: socket.socket, *, library: Library) -> None:
        self._sock, self._library = sock, library
        self._loop = asyncio.get_running_loop()
        self._reader = Reader()

    async def serve(self) -> None:
        """Answer its requests until either side has had enough."""
        try:
            while (request := await self._next()) is not None and await self._answer(request):
                pass
        except BadRequest as error:
            await self._tell(error, keep_alive=False, body=True)

    async def _next(self) -> Request | None:
        while not self._reader.ready:
            async with asyncio.timeout(_IDLE_SECONDS):
                data = await self._loop.sock_recv(self._sock, _READ_BYTES)
            if not data:
                return None
            self._reader.feed(data)
        return self._reader.ready.popleft()

    async def _answer(self, request: Request) -> bool:
        """Answer it; tells whether the connection goes on."""
        keep_alive = request.keep_alive and not request.has_body
        try:
            if request.has_body or request.method not in _METHODS:
                raise MethodNotAllowed
            if request.method == b"OPTIONS":
                await self._send(_head(HTTPStatus.NO_CONTENT, PREFLIGHT, keep_alive=keep_alive))
            else:
                await self._send_file(request, keep_alive=keep_alive)
        except VitascopeError as error:
            await self._tell(error, keep_alive=keep_alive, body=request.method != b"HEAD")
        return keep_alive

    async def _send_file(self, request: Request, *, keep_alive: bool) -> None:
        descriptor, file = self._library.open(*request.split())
        try:
            is_get = request.method == b"GET"
            made = answer(file, _conditions(request) if is_get else Conditions())
            sends = is_get and made.length > 0
            await self._send(_head(made.status, made.headers, keep_alive=keep_alive), more=sends)
            if sends:
                await self._send_bytes(descriptor, made)
        finally:
            os.close(descriptor)

    async def _send_bytes(self, descriptor: int, made: Answer) -> None:
        start, left = made.start, made.length
        while left:
            try:
                sent = os.sendfile(self._sock.fileno(), descriptor, start, min(left, _CHUNK_BYTES))
            except BlockingIOError:
                await self._writable()
                continue
            if sent == 0:
                raise ConnectionAbortedError("the file became shorter while it was sent")
            start, left = start + sent, left - sent
            if left:
                await asyncio.sleep(0)

    async def _writable(self) -> None:
        free = self._loop.create_future()
        self._loop.add_writer(self._sock, _resolve, free)
        try:
            async with asyncio.timeout(_STALL_SECONDS):
                await free
        finally:
            self._loop.remove_writer(self._sock)

    async def _send(self, data: bytes, *, more: bool = False) -> None:
        """Send all of it; `more` keeps it back for the file's first bytes to join it in one packet."""
        try:
            sent = self._sock.send(data, socket.MSG_MORE if more else 0)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            async with asyncio.timeout(_STALL_SECONDS):
                await self._loop.sock_sendall(self._sock, data[sent:])

    async def _tell(self, error: VitascopeError, *, keep_alive: bool, body: bool) -> None:
        problem = orjson.dumps(error.problem(), default=str)
        headers = {
            **CORS,
            "content-type": "application/problem+json",
            "cache-control": "no-store",
            "content-length": str(len(problem)),
        }
        if "content_range" in error.extra:
            headers["content-range"] = error.extra["content_range"]
        if isinstance(error, MethodNotAllowed):
            headers["allow"] = "GET, HEAD, OPTIONS"
        await self._send(_head(error.status, headers, keep_alive=keep_alive) + (problem if body else b""))


class MediaServer:
    """Serves the library on the configured port, if there is one, while `run` is awaited."""

    def __init__(self, *, library: Library, settings: StreamingSettings) -> None:
        self._library, self._settings = library, settings

    async def run(self) -> None:
        """Serve until cancelled."""
        if self._settings.delivery_port is None:
            return
        address = (self._settings.delivery_host, self._settings.delivery_port)
        with socket.create_server(address, backlog=_BACKLOG) as listening:
            await self.serve(listening)

    async def serve(self, listening: socket.socket) -> None:
        """Serve on this socket, in a thread, until cancelled."""
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        thread = _Thread(self._library, listening)
        thread.start()
        try:
            await started
        finally:
            await asyncio.to_thread(thread.stop)


class _Thread(threading.Thread):
    """The loop that all players share."""

    def __init__(self, library: Library, listening: socket.socket) -> None:
        super().__init__(name="media", daemon=True)
        self._library, self._listening = library, listening
        self._loop = asyncio.new_event_loop()
        self._serving: asyncio.Task[None] | None = None
        self._begun = threading.Event()

    def run(self) -> None:
        """The thread's body."""
        asyncio.set_event_loop(self._loop)
        with contextlib.closing(self._loop), contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._accept())

    def stop(self) -> None:
        """End all connections and wait for the thread."""
        self._begun.wait()
        if self._serving is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._serving.cancel)
        self.join()

    async def _accept(self) -> None:
        self._serving = asyncio.current_task()
        self._begun.set()
        self._listening.settimeout(0)
        room = asyncio.Semaphore(_MOST_CONNECTIONS)
        async with asyncio.TaskGroup() as players:
            while True:
                await room.acquire()
                sock = await self._next_player()
                players.create_task(self._serve(sock, room))

    async def _next_player(self) -> socket.socket:
        while True:
            try:
                sock, _ = await self._loop.sock_accept(self._listening)
            except OSError as failure:  # no descriptors left, or the player is gone already
                _log.warning("a player could not be taken", error=str(failure))
                await asyncio.sleep(0.1)
            else:
                return sock

    async def _serve(self, sock: socket.socket, room: asyncio.Semaphore) -> None:
        try:
            with sock:
                sock.settimeout(0)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await Connection(sock, library=self._library).serve()
        except (OSError, TimeoutError):
            pass  # a player that is gone or asleep
        except Exception:  # noqa: BLE001 - one request that fails must not end all others
            _log.exception("media request failed")
        finally:
            room.release()


def _head(status: int, headers: Mapping[str, str], *, keep_alive: bool) -> bytes:
    lines = [f"HTTP/1.1 {int(status)} {_REASONS[int(status)]}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if not keep_alive:
        lines.append("connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _conditions(request: Request) -> Conditions:
    found = request.conditions
    if not found:
        return _NONE
    return Conditions(
        range=found.get(b"range"),
        if_range=found.get(b"if-range"),
        if_none_match=found.get(b"if-none-match"),
    )


_NONE = Conditions()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
