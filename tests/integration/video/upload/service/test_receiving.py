"""Receiving bytes while the database fails."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database, DatabaseUnavailable, Transaction
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.local import LocalObjects
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.video.upload.service.intake import Body
from vitascope.video.upload.service.receiving import Receiver
from vitascope.video.upload.service.settings import UploadSettings
from vitascope.video.upload.service.uploads import NewUpload, UploadService

FILM = bytes(range(250)) * 40


class AnswerLost(Database):
    """A database whose connection breaks once: before a commit, or after it and before the answer."""

    def __init__(self, *, platform: PlatformUnderTest, transaction: int, is_committed: bool) -> None:
        super().__init__(platform.db.endpoint, clock=SystemClock(), ids=RandomIds())
        self._left, self._is_committed = transaction, is_committed

    @asynccontextmanager
    async def transaction(self, ctx: Context, *, serializable: bool = False) -> AsyncIterator[Transaction]:
        """As ever, but for the one that breaks."""
        self._left -= 1
        async with super().transaction(ctx, serializable=serializable) as tx:
            yield tx
            if self._left == 0 and not self._is_committed:
                raise DatabaseUnavailable
        if self._left == 0:
            raise DatabaseUnavailable


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


class TestReceive:
    @pytest.mark.parametrize("is_committed", [True, False])
    @pytest.mark.parametrize("transaction", [2, 3])
    async def test_lost_answer(
        self,
        platform: PlatformUnderTest,
        ctx: Context,
        objects: LocalObjects,
        limits: UploadSettings,
        is_committed: bool,
        transaction: int,
    ) -> None:
        """A commit whose answer is lost, made or not, leaves an upload that goes on to the same file."""
        uploads = platform.container.get(UploadService)
        broken = AnswerLost(platform=platform, transaction=transaction, is_committed=is_committed)
        receiver = Receiver(
            db=broken, objects=objects, uploads=uploads, clock=SystemClock(), ids=RandomIds(), settings=limits
        )
        upload = (await uploads.create(ctx, new=NewUpload(length=len(FILM)))).id
        with pytest.raises(DatabaseUnavailable):
            await receiver.receive(ctx, upload=upload, offset=0, body=Body(chunks=_chunks(FILM)))

        at = (await uploads.get(ctx, upload=upload)).received
        await receiver.receive(ctx, upload=upload, offset=at, body=Body(chunks=_chunks(FILM[at:])))
        await platform.pump()
        await broken.close()

        assert at == 4096 * (transaction - 2 + is_committed)
        assert await objects.get(ObjectKey(f"{ctx.tenant}/uploads/{upload}/source")) == FILM
        assert [path.name for path in objects._folder.rglob("*") if path.is_file()] == ["source"]
