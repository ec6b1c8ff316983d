"""The protocol, over HTTP, on a real database."""

import asyncio
import base64
import hashlib
import os
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.local import LocalObjects
from vitascope.identity.tenants.contracts import Quota
from vitascope.runtime.testing import KnownContexts, PlatformUnderTest
from vitascope.video.upload.contracts import UploadId
from vitascope.video.upload.events import UploadCompleted
from vitascope.video.upload.service.settings import UploadSettings

URL = "/api/v1/uploads"
OCTETS = {"Content-Type": "application/offset+octet-stream"}
FILM = os.urandom(20_000)


def _b64(data: bytes | str) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def _sha256(data: bytes) -> str:
    return f"sha256 {_b64(hashlib.sha256(data).digest())}"


def _metadata(**values: str) -> dict[str, str]:
    return {"Upload-Metadata": ",".join(f"{key} {_b64(value)}" for key, value in values.items())}


async def _create(
    client: httpx.AsyncClient, length: int | None = len(FILM), headers: dict[str, str] | None = None
) -> str:
    size = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    answer = await client.post(URL, headers={**size, **(headers or {})})
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


async def _patch(
    client: httpx.AsyncClient,
    url: str,
    data: bytes | AsyncIterator[bytes],
    offset: int = 0,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    sent = {**OCTETS, "Upload-Offset": str(offset), **(headers or {})}
    return await client.patch(url, content=data, headers=sent)


async def _offset(client: httpx.AsyncClient, url: str) -> int:
    answer = await client.head(url)
    assert answer.status_code == 200
    return int(answer.headers["Upload-Offset"])


def _is_problem(answer: httpx.Response, status: int, field: str | None = None) -> bool:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return field is None or answer.json()["field"] == field


async def _stored(objects: LocalObjects, ctx: Context, url: str) -> bytes:
    return await objects.get(ObjectKey(f"{ctx.tenant}/uploads/{url.rpartition('/')[2]}/source"))


def _files(objects: LocalObjects) -> list[str]:
    return sorted(str(path) for path in objects._folder.rglob("*") if path.is_file())


class TestDiscovery:
    async def test_tells_what_is_spoken(self, anonymous_client: httpx.AsyncClient) -> None:
        """Anybody may ask which version, extensions, checksums and size the server takes."""
        answer = await anonymous_client.options(URL)

        assert answer.status_code == 204
        assert answer.headers["Tus-Resumable"] == answer.headers["Tus-Version"] == "1.0.0"
        assert answer.headers["Tus-Max-Size"] == str(1 << 22)
        assert set(answer.headers["Tus-Extension"].split(",")) == {
            "creation",
            "creation-with-upload",
            "creation-defer-length",
            "checksum",
            "termination",
            "expiration",
            "concatenation",
        }
        assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256,md5"


class TestWhole:
    async def test_a_file_arrives(
        self, client: httpx.AsyncClient, platform: PlatformUnderTest, objects: LocalObjects, ctx: Context
    ) -> None:
        """What was sent lies in the object store, its pieces are gone, and it is told once."""
        url = await _create(client, headers=_metadata(filename="My film.mp4", title="A film", publish="true"))

        sent = await _patch(client, url, FILM)
        await platform.pump()

        assert (sent.status_code, sent.headers["Upload-Offset"]) == (204, "20000")
        assert await _stored(objects, ctx, url) == FILM
        assert [path.rpartition("/")[2] for path in _files(objects)] == ["source"]
        upload = UploadId(url.rpartition("/")[2])
        assert await platform.events(UploadCompleted) == [
            UploadCompleted(
                upload=upload,
                object_key=f"{ctx.tenant}/uploads/{upload}/source",
                filename="My film.mp4",
                size=20_000,
                owner=ctx.account,
                title="A film",
                publish=True,
            )
        ]

    async def test_in_several_requests(
        self, client: httpx.AsyncClient, platform: PlatformUnderTest, objects: LocalObjects, ctx: Context
    ) -> None:
        """A file may come in as many requests as the client likes, of any size."""
        url, at = await _create(client), 0

        for size in (1, 4096, 4097, 11_806):
            await _patch(client, url, FILM[at : at + size], at)
            at = await _offset(client, url)
        await platform.pump()

        assert at == len(FILM)
        assert await _stored(objects, ctx, url) == FILM

    async def test_with_creation(
        self, client: httpx.AsyncClient, platform: PlatformUnderTest, objects: LocalObjects, ctx: Context
    ) -> None:
        """The first bytes may come with the creation."""
        headers = {"Upload-Length": "20000", **OCTETS}

        answer = await client.post(URL, content=FILM[:9000], headers=headers)
        url = answer.headers["Location"]
        await _patch(client, url, FILM[9000:], 9000)
        await platform.pump()

        assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "9000")
        assert await _stored(objects, ctx, url) == FILM

    async def test_without_known_length(
        self, client: httpx.AsyncClient, platform: PlatformUnderTest, objects: LocalObjects, ctx: Context
    ) -> None:
        """The length may be told with the last bytes."""
        url = await _create(client, None)
        await _patch(client, url, FILM[:9000])
        before = (await client.head(url)).headers

        await _patch(client, url, FILM[9000:], 9000, headers={"Upload-Length": "20000"})
        await platform.pump()

        assert before["Upload-Defer-Length"] == "1"
        assert "Upload-Length" not in before
        assert await _stored(objects, ctx, url) == FILM

    async def test_empty(
        self, client: httpx.AsyncClient, platform: PlatformUnderTest, objects: LocalObjects, ctx: Context
    ) -> None:
        """An empty file is whole when it is created."""
        url = await _create(client, 0)

        await platform.pump()

        assert await _stored(objects, ctx, url) == b""

    async def test_method_override(self, client: httpx.AsyncClient) -> None:
        """Clients behind a strict proxy send POST and say what they mean."""
        url = await _create(client)
        headers = {**OCTETS, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}

        answer = await client.post(url, content=FILM[:10], headers=headers)

        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "10")


class TestRefused:
    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"Tus-Resumable": "0.2.2"}, 412),
            ({"Content-Type": "video/mp4"}, 415),
            ({"Upload-Offset": "-1"}, 400),
            ({"Upload-Offset": "one"}, 400),
            ({"Upload-Offset": "5"}, 409),
            ({"Upload-Checksum": "crc32 AAAA"}, 400),
            ({"Upload-Checksum": "sha1 !"}, 400),
            ({"Upload-Length": "7"}, 422),
        ],
    )
    async def test_addition(self, client: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
        """A request that breaks the protocol is refused with a problem and adds nothing."""
        url = await _create(client)
        sent = {**OCTETS, "Upload-Offset": "0", **headers}

        answer = await client.patch(url, content=FILM[:100], headers=sent)

        assert _is_problem(answer, status)
        assert answer.headers["Tus-Resumable"] == "1.0.0"
        assert await _offset(client, url) == 0

    async def test_missing_version(self, client: httpx.AsyncClient) -> None:
        """Without Tus-Resumable nothing is added, and the version that is spoken is told."""
        url = await _create(client)
        del client.headers["Tus-Resumable"]

        answer = await _patch(client, url, FILM[:100])

        assert _is_problem(answer, 412, "Tus-Resumable")
        assert answer.headers["Tus-Version"] == "1.0.0"

    @pytest.mark.parametrize(
        ("headers", "status", "field"),
        [
            ({}, 400, "Upload-Length"),
            ({"Upload-Length": "-5"}, 400, "Upload-Length"),
            ({"Upload-Length": "5", "Upload-Defer-Length": "1"}, 400, "Upload-Length"),
            ({"Upload-Defer-Length": "2"}, 400, "Upload-Defer-Length"),
            ({"Upload-Length": "5", "Upload-Metadata": "name ###"}, 400, "Upload-Metadata"),
            ({"Upload-Length": "5", "Upload-Metadata": "a YQ==,a YQ=="}, 400, "Upload-Metadata"),
            ({"Upload-Length": "5", "Upload-Concat": "half"}, 400, "Upload-Concat"),
            ({"Upload-Concat": "final;/nowhere"}, 422, "Upload-Concat"),
            ({"Upload-Length": str((1 << 22) + 1)}, 413, None),
        ],
    )
    async def test_creation(
        self, client: httpx.AsyncClient, headers: dict[str, str], status: int, field: str | None
    ) -> None:
        """A creation that cannot be is refused with a problem that names the header."""
        answer = await client.post(URL, headers=headers)

        assert _is_problem(answer, status, field)

    @pytest.mark.parametrize("known", [True, False])
    async def test_more_than_declared(self, client: httpx.AsyncClient, known: bool) -> None:
        """Surplus bytes are refused, whether or not the request says beforehand how many come."""
        url = await _create(client, 100)

        async def chunks() -> AsyncIterator[bytes]:
            yield FILM[:60]
            yield FILM[60:101]

        answer = await _patch(client, url, FILM[:101] if known else chunks())

        assert _is_problem(answer, 413)
        assert await _offset(client, url) == 0

    async def test_after_the_end(self, client: httpx.AsyncClient, platform: PlatformUnderTest) -> None:
        """A whole upload takes no more bytes."""
        url = await _create(client, 10)
        await _patch(client, url, FILM[:10])
        await platform.pump()

        answer = await _patch(client, url, b"", 10)

        assert _is_problem(answer, 403)


class TestChecksum:
    @pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
    async def test_right(self, client: httpx.AsyncClient, algorithm: str) -> None:
        """Bytes that add up to the checksum count."""
        url = await _create(client)
        digest = hashlib.new(algorithm, FILM).digest()

        answer = await _patch(client, url, FILM, headers={"Upload-Checksum": f"{algorithm} {_b64(digest)}"})

        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "20000")

    async def test_wrong(self, client: httpx.AsyncClient, objects: LocalObjects) -> None:
        """Bytes that do not are thrown away, whatever parts they filled, and can be sent again."""
        url = await _create(client)

        answer = await _patch(client, url, FILM, headers={"Upload-Checksum": _sha256(FILM[1:])})
        again = await _patch(client, url, FILM, headers={"Upload-Checksum": _sha256(FILM)})

        assert _is_problem(answer, 460)
        assert again.status_code == 204
        assert len(_files(objects)) == 5


class TestConcurrency:
    async def test_one_writer(
        self, client: httpx.AsyncClient, objects: LocalObjects, ctx: Context, platform: PlatformUnderTest
    ) -> None:
        """Of many requests at the same offset exactly one adds its bytes."""
        url = await _create(client)
        bodies = [bytes([number]) * len(FILM) for number in range(8)]

        answers = await asyncio.gather(*(_patch(client, url, body) for body in bodies))
        await platform.pump()

        assert sorted({answer.status_code for answer in answers} - {423, 409, 403}) == [204]
        assert [answer.status_code for answer in answers].count(204) == 1
        won = [answer.status_code for answer in answers].index(204)
        assert await _stored(objects, ctx, url) == bodies[won]

    async def test_locked_while_bytes_come(self, client: httpx.AsyncClient) -> None:
        """While one request sends, another is told to wait; asking for the offset works."""
        url, go_on = await _create(client), asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield FILM[:100]
            await go_on.wait()
            yield FILM[100:200]

        first = asyncio.create_task(_patch(client, url, slow()))
        while (seen := await _offset(client, url)) == 0:  # noqa: ASYNC110 - the server is asked
            await asyncio.sleep(0.05)
        second = await _patch(client, url, FILM[100:200], 100)
        go_on.set()

        assert _is_problem(second, 423)
        assert second.headers["Retry-After"] == "1"
        assert seen == 100
        assert (await first).headers["Upload-Offset"] == "200"

    async def test_silent_connection(
        self, client: httpx.AsyncClient, platform: PlatformUnderTest, limits: UploadSettings
    ) -> None:
        """A connection that falls silent is given up; its bytes count and the upload is free again."""
        platform.container.put(UploadSettings, limits.model_copy(update={"idle_seconds": 0.5}))
        url = await _create(client)

        async def silent() -> AsyncIterator[bytes]:
            yield FILM[:100]
            await asyncio.sleep(60)

        answer = await _patch(client, url, silent())
        again = await _patch(client, url, FILM[100:], 100)

        assert _is_problem(answer, 503)
        assert again.status_code == 204


class TestConcatenation:
    async def test_parallel_parts(
        self, client: httpx.AsyncClient, platform: PlatformUnderTest, objects: LocalObjects, ctx: Context
    ) -> None:
        """Parts that were sent beside each other become one file, and only that one is told."""
        cuts = [FILM[:7000], FILM[7000:7001], FILM[7001:]]
        urls = [await _create(client, len(cut), headers={"Upload-Concat": "partial"}) for cut in cuts]
        await asyncio.gather(*(_patch(client, url, cut) for url, cut in zip(urls, cuts, strict=True)))

        concat = "final;" + " ".join(urls)
        headers = {"Upload-Concat": concat, **_metadata(filename="joined.mp4")}
        answer = await client.post(URL, headers=headers)
        before = await client.head(answer.headers["Location"])
        await platform.pump()
        after = await client.head(answer.headers["Location"])

        assert answer.status_code == 201
        assert "Upload-Offset" not in before.headers
        assert (after.headers["Upload-Offset"], after.headers["Upload-Concat"]) == ("20000", concat)
        assert await _stored(objects, ctx, answer.headers["Location"]) == FILM
        assert len(await platform.events(UploadCompleted)) == 1
        assert len(_files(objects)) == 1

    async def test_unfinished_part(self, client: httpx.AsyncClient) -> None:
        """A part that is not whole cannot be joined, nor can one that is not there."""
        url = await _create(client, 10, headers={"Upload-Concat": "partial"})

        answer = await client.post(URL, headers={"Upload-Concat": f"final;{url}"})

        assert _is_problem(answer, 409)

    async def test_foreign_part(self, client: httpx.AsyncClient, strange_client: httpx.AsyncClient) -> None:
        """Nobody joins the part of somebody else."""
        url = await _create(client, 10, headers={"Upload-Concat": "partial"})
        await _patch(client, url, FILM[:10])

        answer = await strange_client.post(URL, headers={"Upload-Concat": f"final;{url}"})

        assert _is_problem(answer, 409)

    async def test_joined_takes_no_bytes(self, client: httpx.AsyncClient) -> None:
        """A joined upload is not written to."""
        url = await _create(client, 10, headers={"Upload-Concat": "partial"})
        await _patch(client, url, FILM[:10])
        joined = await client.post(URL, headers={"Upload-Concat": f"final;{url}"})

        answer = await _patch(client, joined.headers["Location"], b"x", 10)

        assert _is_problem(answer, 403)


class TestTermination:
    @pytest.mark.parametrize("sent", [9000, 20_000])
    async def test_leaves_nothing(
        self, client: httpx.AsyncClient, platform: PlatformUnderTest, objects: LocalObjects, sent: int
    ) -> None:
        """A removed upload is gone with its bytes and its share of the quotas, finished or not."""
        url = await _create(client)
        await _patch(client, url, FILM[:sent])
        await platform.pump()

        answer = await client.delete(url)
        await platform.pump()

        assert answer.status_code == 204
        assert (await client.head(url)).status_code == 404
        assert _files(objects) == []

    async def test_stops_a_writer(
        self, client: httpx.AsyncClient, platform: PlatformUnderTest, objects: LocalObjects
    ) -> None:
        """Bytes that come after the removal are thrown away."""
        url, go_on = await _create(client), asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield FILM[:5000]
            await go_on.wait()
            yield FILM[5000:]

        writing = asyncio.create_task(_patch(client, url, slow()))
        while await _offset(client, url) == 0:  # noqa: ASYNC110 - the server is asked
            await asyncio.sleep(0.05)
        await client.delete(url)
        await platform.pump()
        go_on.set()

        assert (await writing).status_code == 423
        assert _files(objects) == []


class TestQuotas:
    async def test_storage(self, client: httpx.AsyncClient, quotas: dict[Quota, int]) -> None:
        """An upload reserves its length; removing it gives the space back."""
        quotas[Quota.STORAGE_BYTES] = 25_000
        url = await _create(client)

        refused = await client.post(URL, headers={"Upload-Length": "5001"})
        await client.delete(url)

        assert _is_problem(refused, 507)
        assert await _create(client, 25_000)

    async def test_unknown_length(self, client: httpx.AsyncClient, quotas: dict[Quota, int]) -> None:
        """An upload of unknown length is stopped where the tenant's space ends, and keeps what fitted."""
        quotas[Quota.STORAGE_BYTES] = 10_000
        url = await _create(client, None)

        answer = await _patch(client, url, FILM)

        assert _is_problem(answer, 507)
        assert await _offset(client, url) == 8192

    async def test_unfinished_uploads(
        self, client: httpx.AsyncClient, quotas: dict[Quota, int], platform: PlatformUnderTest
    ) -> None:
        """A tenant has a bounded number of unfinished uploads; of many at once no more get in."""
        quotas[Quota.OPEN_UPLOADS] = 3

        answers = await asyncio.gather(
            *(client.post(URL, headers={"Upload-Length": "10"}) for _ in range(10))
        )
        opened = [answer.headers["Location"] for answer in answers if answer.status_code == 201]
        await _patch(client, opened[0], FILM[:10])
        await platform.pump()

        assert sorted(answer.status_code for answer in answers) == [201] * 3 + [507] * 7
        assert (await client.post(URL, headers={"Upload-Length": "10"})).status_code == 201


class TestOwners:
    async def test_not_signed_in(self, anonymous_client: httpx.AsyncClient) -> None:
        """Nobody sends, asks or removes without signing in."""
        url = f"{URL}/{UploadId.of(UUID(int=0))}"

        answers = [
            await anonymous_client.post(URL, headers={"Upload-Length": "1"}),
            await anonymous_client.get(URL),
            await anonymous_client.get(url),
            await anonymous_client.head(url),
            await anonymous_client.delete(url),
            await _patch(anonymous_client, url, b"x"),
        ]

        assert [answer.status_code for answer in answers] == [401] * 6

    async def test_without_permission(
        self, platform: PlatformUnderTest, known_contexts: KnownContexts, tenant: TenantId
    ) -> None:
        """A viewer may not upload."""
        viewer = platform.new_context(tenant=tenant)

        async with platform.client(token=known_contexts.token(viewer)) as client:
            headers = {"Upload-Length": "1", "Tus-Resumable": "1.0.0"}
            answer = await client.post(URL, headers=headers)

        assert _is_problem(answer, 403)

    async def test_of_others(
        self,
        client: httpx.AsyncClient,
        strange_client: httpx.AsyncClient,
        platform: PlatformUnderTest,
        known_contexts: KnownContexts,
        ctx: Context,
    ) -> None:
        """The uploads of others do not exist, neither for another tenant nor for a colleague."""
        url = await _create(client)
        colleague = platform.new_context(*ctx.principal.permissions, tenant=ctx.tenant)

        async with platform.client(token=known_contexts.token(colleague)) as near:
            near.headers["Tus-Resumable"] = "1.0.0"
            answers = [
                await answer
                for other in (near, strange_client)
                for answer in (other.head(url), other.get(url), other.delete(url), _patch(other, url, b"x"))
            ]
            listed = [(await other.get(URL)).json()["items"] for other in (near, strange_client)]

        assert [answer.status_code for answer in answers] == [404] * 8
        assert listed == [[], []]
        assert await _offset(client, url) == 0


class TestHead:
    async def test_without_metadata(self, client: httpx.AsyncClient) -> None:
        """An upload without metadata answers like any other."""
        url = await _create(client)

        answer = await client.head(url)

        assert (answer.headers["Upload-Offset"], answer.headers["Upload-Length"]) == ("0", "20000")
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Upload-Metadata" not in answer.headers
        assert answer.headers["Upload-Expires"].endswith("GMT")

    async def test_metadata_comes_back(self, client: httpx.AsyncClient) -> None:
        """Metadata is given back as it came."""
        metadata = f"filename {_b64('a.mp4')},is_secret,x {_b64(b'bytes')}"
        url = await _create(client, headers={"Upload-Metadata": metadata})

        answer = await client.head(url)

        assert answer.headers["Upload-Metadata"] == metadata


class TestShown:
    async def test_hostile_name(self, client: httpx.AsyncClient, objects: LocalObjects) -> None:
        """A name with path parts and control characters is cleaned for display and never a path."""
        name = "../../etc/\x1b[31mpass\u202ewd\x00.mp4\n"
        url = await _create(client, headers=_metadata(filename=name))
        await _patch(client, url, FILM[:100])

        shown = (await client.get(url)).json()

        assert shown["filename"] == "[31mpasswd.mp4"
        assert all("passwd" not in path for path in _files(objects))

    async def test_list(self, client: httpx.AsyncClient) -> None:
        """Own uploads are listed newest first, page by page, without the parts of parallel ones."""
        made = [(await _create(client)).rpartition("/")[2] for _ in range(3)]
        await _create(client, 10, headers={"Upload-Concat": "partial"})

        first = (await client.get(URL, params={"limit": 2})).json()
        second = (await client.get(URL, params={"limit": 2, "cursor": first["next"]})).json()

        assert [one["id"] for one in first["items"] + second["items"]] == made[::-1]
        assert second["next"] is None

    async def test_bad_cursor(self, client: httpx.AsyncClient) -> None:
        """A cursor that is none of ours is a problem that names it."""
        answer = await client.get(URL, params={"cursor": "zzz"})

        assert _is_problem(answer, 422, "cursor")

    async def test_bad_id(self, client: httpx.AsyncClient) -> None:
        """An address that holds no id is a problem that names it."""
        answer = await client.get(f"{URL}/upl_1")

        assert _is_problem(answer, 422, "upload")


class TestStatements:
    @pytest.mark.parametrize("parts", [1, 4])
    async def test_counts(self, client: httpx.AsyncClient, platform: PlatformUnderTest, parts: int) -> None:
        """Each endpoint needs a fixed number of statements; an addition two for each part."""
        with platform.statements() as creating:
            url = await _create(client)
        with platform.statements() as adding:
            await _patch(client, url, FILM[: 4096 * parts])
        with platform.statements() as asking:
            await client.head(url)
        with platform.statements() as showing:
            await client.get(url)
        with platform.statements() as listing:
            await client.get(URL)
        with platform.statements() as removing:
            await client.delete(url)

        counted = [one.count for one in (creating, adding, asking, showing, listing, removing)]
        assert counted == [2, 3 + 2 * parts, 1, 1, 1, 5]

    @pytest.mark.parametrize("parts", [1, 4])
    async def test_joining(self, client: httpx.AsyncClient, platform: PlatformUnderTest, parts: int) -> None:
        """Joining does not need more statements for more parts."""
        urls = [await _create(client, 10, headers={"Upload-Concat": "partial"}) for _ in range(parts)]
        for url in urls:
            await _patch(client, url, FILM[:10])

        with platform.statements() as joining:
            await client.post(URL, headers={"Upload-Concat": "final;" + " ".join(urls)})

        assert joining.count == 7
