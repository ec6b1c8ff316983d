"""What happens to uploads without their clients."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from vitascope.foundation.context import Context
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.testing.workflows import Died, InlineRun
from vitascope.identity.tenants.contracts import Quota
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.video.upload.contracts import UploadId
from vitascope.video.upload.events import UploadCompleted
from vitascope.video.upload.jobs import assemble, tidy
from vitascope.video.upload.service.finishing import Finisher
from vitascope.video.upload.service.work import Assembly

URL = "/api/v1/uploads"
FILM = os.urandom(10_000)


async def _send(client: httpx.AsyncClient, data: bytes, *, length: int = len(FILM)) -> UploadId:
    headers = {"Upload-Length": str(length), "Content-Type": "application/offset+octet-stream"}
    answer = await client.post(URL, content=data, headers=headers)
    assert answer.status_code == 201, answer.text
    return UploadId(answer.headers["Location"].rpartition("/")[2])


def _files(objects: LocalObjects) -> list[str]:
    return sorted(path.name for path in objects._folder.rglob("*") if path.is_file())


async def _tidy(platform: PlatformUnderTest, ctx: Context) -> None:
    finisher = platform.container.get(Finisher)
    await tidy.function(InlineRun(ctx=ctx), datetime.now(UTC), finisher=finisher)
    await platform.pump()


async def _stored(objects: LocalObjects, ctx: Context, upload: UploadId) -> bytes:
    return await objects.get(ObjectKey(f"{ctx.tenant}/uploads/{upload}/source"))


class TestExpire:
    async def test_leaves_nothing(
        self,
        client: httpx.AsyncClient,
        platform: PlatformUnderTest,
        ctx: Context,
        objects: LocalObjects,
        quotas: dict[Quota, int],
        clock: Any,
    ) -> None:
        """An upload that nobody went on with is given up after a day: bytes, row and share of the quotas."""
        quotas[Quota.OPEN_UPLOADS] = 1
        upload = await _send(client, FILM[:6000])
        clock.ahead = timedelta(hours=25)
        expired = await client.head(f"{URL}/{upload}")

        await _tidy(platform, ctx)

        assert expired.status_code == 410
        assert (await client.head(f"{URL}/{upload}")).status_code == 404
        assert _files(objects) == []
        assert await _send(client, FILM)

    async def test_spares_the_others(
        self, client: httpx.AsyncClient, platform: PlatformUnderTest, ctx: Context, clock: Any
    ) -> None:
        """An upload that goes on, and one that is whole, stay."""
        whole = await _send(client, FILM)
        await platform.pump()
        clock.ahead = timedelta(hours=23)
        going_on = await _send(client, FILM[:10])
        clock.ahead = timedelta(hours=26)

        await _tidy(platform, ctx)

        assert [(await client.get(f"{URL}/{one}")).status_code for one in (whole, going_on)] == [200, 200]

    async def test_takes_no_bytes(self, client: httpx.AsyncClient, clock: Any) -> None:
        """An expired upload takes no bytes, even before it is swept."""
        upload = await _send(client, FILM[:10])
        clock.ahead = timedelta(hours=25)

        headers = {"Upload-Offset": "10", "Content-Type": "application/offset+octet-stream"}
        answer = await client.patch(f"{URL}/{upload}", content=b"x", headers=headers)

        assert answer.status_code == 410


class TestAssemble:
    @pytest.mark.parametrize("step", ["compose", "complete"])
    async def test_survives_death(
        self,
        client: httpx.AsyncClient,
        platform: PlatformUnderTest,
        ctx: Context,
        objects: LocalObjects,
        step: str,
    ) -> None:
        """A worker that dies in any step is followed by one that ends with one file, told once."""
        upload = await _send(client, FILM)
        finisher = platform.container.get(Finisher)
        first = InlineRun(ctx=ctx, dies_in=step)
        with pytest.raises(Died):
            await assemble.function(first, Assembly(upload=upload), finisher=finisher)

        second = first.again()
        await assemble.function(second, Assembly(upload=upload), finisher=finisher)
        await platform.pump()

        assert second.ran == ["compose", "complete"][["compose", "complete"].index(step) :]
        assert await _stored(objects, ctx, upload) == FILM
        assert len(await platform.events(UploadCompleted)) == 1
        assert _files(objects) == ["source"]

    async def test_removed_meanwhile(
        self, client: httpx.AsyncClient, platform: PlatformUnderTest, ctx: Context, objects: LocalObjects
    ) -> None:
        """An upload that is removed while it is assembled leaves nothing, and nothing is told."""
        upload = await _send(client, FILM)
        finisher = platform.container.get(Finisher)
        await finisher.compose(ctx, upload=upload)
        await client.delete(f"{URL}/{upload}")

        await finisher.complete(ctx, upload=upload)
        await platform.pump()

        assert _files(objects) == []
        assert await platform.events(UploadCompleted) == []

    async def test_stuck(
        self,
        client: httpx.AsyncClient,
        platform: PlatformUnderTest,
        ctx: Context,
        objects: LocalObjects,
        clock: Any,
    ) -> None:
        """An upload whose assembly failed for good is assembled by the next tidying after a while."""
        upload = await _send(client, FILM)
        clock.ahead = timedelta(minutes=16)

        await _tidy(platform, ctx)

        assert await _stored(objects, ctx, upload) == FILM
        assert len(await platform.events(UploadCompleted)) == 1
