"""A request's body, cut into parts that become durable one by one, in constant memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum

from vitascope.foundation.errors import Unavailable, VitascopeError
from vitascope.video.upload.contracts import LongerThanDeclared
from vitascope.video.upload.service.checksum import Checksum
from vitascope.video.upload.service.settings import UploadSettings

_BLOCK_BYTES = 1 << 20


class BrokenOff(VitascopeError):
    """The connection broke off; what arrived is kept. Ask for the offset and go on there."""

    status = 400  # nobody hears it: it only keeps people who close their laptops out of the server's failures


class FellSilent(Unavailable):
    """The connection fell silent; what arrived is kept. Ask for the offset and go on there."""

    # not 408, which says the same: clients of tus go on by themselves after 5xx, and give up after 4xx


class Ending(Enum):
    """How a body ended."""

    WHOLE = "whole"
    BROKEN = "broken"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a request brings: its bytes as they arrive, raising `BrokenOff` if the connection breaks.

    `size` is how many will come, if that is known; `length` is the whole upload's, where the
    request is the first to know it.
    """

    chunks: AsyncIterator[bytes]
    size: int | None = None
    checksum: Checksum | None = None
    length: int | None = None


class Intake:
    """Reads a body block by block and ends a part when it is large or old enough.

    `room` is how many bytes the upload still takes, None if its length is unknown.
    """

    def __init__(self, body: Body, *, room: int, settings: UploadSettings) -> None:
        self._chunks, self._room, self._settings = body.chunks, room, settings
        self._pending: asyncio.Future[bytes] | None = None
        self._held = bytearray()
        self._digest = body.checksum.start() if body.checksum else None
        self.ending: Ending | None = None
        self.part_size = 0

    async def more(self) -> bool:
        """Wait for bytes; False when the body has ended."""
        while not self._held and self.ending is None:
            await self._receive(self._settings.idle_seconds)
        return bool(self._held)

    async def part(self) -> AsyncIterator[bytes]:
        """The blocks of the next part, at most a mebibyte each; `part_size` counts them."""
        self.part_size = 0
        ends_at = asyncio.get_running_loop().time() + self._settings.flush_seconds
        while await self._fill(ends_at):
            yield self._take()

    def matches(self, checksum: Checksum) -> bool:
        """Whether the bytes read so far add up to this."""
        return self._digest is not None and self._digest.digest() == checksum.digest

    async def close(self) -> None:
        """Stop waiting for the next bytes."""
        if self._pending is not None and not self._pending.done():
            self._pending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pending

    async def _fill(self, ends_at: float) -> bool:
        """Gather a block of this part; False when the part is full or old, or the body has ended."""
        left = self._left()
        while left > len(self._held) < _BLOCK_BYTES and self.ending is None:
            wait = ends_at - asyncio.get_running_loop().time()
            if wait <= 0 or not await self._receive(min(wait, self._settings.idle_seconds), is_idle=False):
                break
        return bool(self._held) and left > 0

    def _left(self) -> int:
        return self._settings.part_bytes - self.part_size

    def _take(self) -> bytes:
        """The next block, counted against the part, the room and the checksum."""
        size = min(len(self._held), _BLOCK_BYTES, self._left())
        block = bytes(self._held[:size])
        del self._held[:size]
        self.part_size += size
        self._room -= size
        if self._room < 0:
            raise LongerThanDeclared
        if self._digest is not None:
            self._digest.update(block)
        return block

    async def _receive(self, seconds: float, *, is_idle: bool = True) -> bool:
        """Wait so long for the next bytes; a body that stays silent for the idle time has broken off."""
        if self._pending is None:
            self._pending = asyncio.ensure_future(anext(self._chunks))
        done, _ = await asyncio.wait({self._pending}, timeout=seconds)
        if not done:
            if is_idle:
                self.ending = Ending.SILENT
            return False
        pending, self._pending = self._pending, None
        try:
            self._held += pending.result()
        except StopAsyncIteration:
            self.ending = Ending.WHOLE
        except BrokenOff:
            self.ending = Ending.BROKEN
        return True
