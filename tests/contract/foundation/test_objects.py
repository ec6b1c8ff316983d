"""What every store of objects must do, run over a local disk and a real S3."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vitascope.foundation.storage.keys import ObjectKey, ObjectPrefix
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.storage.objects import Body, ObjectExists, ObjectMissing, Objects, Stored
from vitascope.foundation.storage.opening import open_objects
from vitascope.foundation.testing.seaweedfs import Seaweed, seaweedfs

LARGE = os.urandom(9 << 20)  # more than one part of a multipart upload


@pytest.fixture(name="s3", scope="module")
def _s3() -> Iterator[Seaweed]:
    with seaweedfs() as server:
        yield server


@pytest.fixture(name="objects", params=["local", "s3"])
def _objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "local":
        return open_objects(f"file://{tmp_path}/objects")
    server: Seaweed = request.getfixturevalue("s3")
    return open_objects(server.url("media"), credentials=server.credentials)


@pytest.fixture(name="here")
def _here(request: pytest.FixtureRequest) -> ObjectPrefix:
    return ObjectPrefix.of("tenant", re.sub(r"\W+", "-", request.node.name))


async def _pieces(*pieces: bytes, fail: bool = False) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    if fail:
        raise ConnectionError("the sender went away")


async def _all_keys(objects: Objects, prefix: ObjectPrefix, *, limit: int = 1000) -> list[str]:
    keys: list[str] = []
    page = await objects.page(prefix, limit=limit)
    while True:
        keys += [each.key.removeprefix(prefix) for each in page.objects]
        if page.after is None:
            return keys
        page = await objects.page(prefix, after=page.after, limit=limit)


class TestPut:
    @pytest.mark.parametrize("content", [b"", b"a frame", LARGE], ids=["empty", "small", "large"])
    async def test_gives_back_the_same_bytes(
        self, objects: Objects, here: ObjectPrefix, tmp_path: Path, content: bytes
    ) -> None:
        """Bytes, a file and a stream all come back as they were, with their size."""
        file = tmp_path / "film"
        file.write_bytes(content)

        stored = [
            await objects.put(here.key("bytes"), content),
            await objects.put(here.key("file"), file),
            await objects.put(here.key("stream"), _pieces(content[:5], content[5:])),
        ]

        assert [each.size for each in stored] == [len(content)] * 3
        for each in stored:
            assert await objects.get(each.key) == content
        assert file.exists()

    async def test_replaces(self, objects: Objects, here: ObjectPrefix) -> None:
        """A second put takes the place of the first and changes the tag."""
        first = await objects.put(here.key("a"), b"one")

        second = await objects.put(here.key("a"), b"two")

        assert await objects.get(here.key("a")) == b"two"
        assert first.etag != second.etag == (await objects.head(here.key("a"))).etag

    @pytest.mark.parametrize("size", [10, 6 << 20], ids=["small", "large"])
    async def test_a_broken_stream_leaves_nothing(
        self, objects: Objects, here: ObjectPrefix, size: int
    ) -> None:
        """When the sender fails, neither the object nor any remainder is there."""
        with pytest.raises(Exception, match=r"went away|does not answer"):
            await objects.put(here.key("a"), _pieces(b"x" * size, fail=True))

        with pytest.raises(ObjectMissing):
            await objects.head(here.key("a"))
        assert await _all_keys(objects, ObjectPrefix.of("tenant", "_partial")) == []

    async def test_readers_see_whole_objects(self, objects: Objects, here: ObjectPrefix) -> None:
        """While an object is replaced again and again, a reader gets one of its versions, whole."""
        versions = {bytes([letter]) * 300_000 for letter in b"abc"}
        await objects.put(here.key("a"), next(iter(versions)))

        async def replace() -> None:
            for version in [*versions] * 4:
                await objects.put(here.key("a"), version)

        writing = asyncio.create_task(replace())
        seen = []
        while not writing.done():
            seen.append(await objects.get(here.key("a")))
        await writing

        assert set(seen) <= versions


class TestPutIfAbsent:
    @pytest.mark.parametrize("content", [b"new", LARGE], ids=["small", "large"])
    async def test_refuses_to_replace(self, objects: Objects, here: ObjectPrefix, content: bytes) -> None:
        """What is there stays, and the caller is told; where nothing is, the object is made."""
        await objects.put(here.key("old"), b"old")

        with pytest.raises(ObjectExists):
            await objects.put_if_absent(here.key("old"), content)
        await objects.put_if_absent(here.key("new"), content)

        assert await objects.get(here.key("old")) == b"old"
        assert await objects.get(here.key("new")) == content

    async def test_one_of_many_wins(self, objects: Objects, here: ObjectPrefix) -> None:
        """Of sixteen at once exactly one makes the object, and it holds that one's bytes."""
        tries = [objects.put_if_absent(here.key("a"), str(number).encode()) for number in range(16)]

        results = await asyncio.gather(*tries, return_exceptions=True)

        winners = [number for number, result in enumerate(results) if not isinstance(result, ObjectExists)]
        assert len(winners) == 1, results
        assert await objects.get(here.key("a")) == str(winners[0]).encode()

    async def test_catches_check_then_act(self, tmp_path: Path, here: ObjectPrefix) -> None:
        """The same check finds the planted bug: a store that looks and then writes has many winners."""

        class CheckThenAct(LocalObjects):
            async def put_if_absent(self, key: ObjectKey, body: Body) -> Stored:
                if self.local_path(key).exists():
                    raise ObjectExists
                return await self.put(key, body)

        tries = [CheckThenAct(tmp_path).put_if_absent(here.key("a"), b"x") for _ in range(16)]

        results = await asyncio.gather(*tries, return_exceptions=True)

        assert sum(not isinstance(result, ObjectExists) for result in results) > 1


class TestRead:
    async def test_missing(self, objects: Objects, here: ObjectPrefix) -> None:
        """Every way to read an object that is not there says so."""
        missing = here.key("missing")

        for ask in (objects.get(missing), objects.head(missing), objects.get_range(missing, start=0, end=1)):
            with pytest.raises(ObjectMissing):
                await ask
        with pytest.raises(ObjectMissing):
            await anext(aiter(objects.stream(missing)))

    async def test_a_folder_is_no_object(self, objects: Objects, here: ObjectPrefix) -> None:
        """The parts of a key on the way to an object are not objects themselves."""
        await objects.put(here.key("film", "a"), b"")

        for ask in (objects.get(here.key("film")), objects.head(here.key("film"))):
            with pytest.raises(ObjectMissing):
                await ask

    @pytest.mark.parametrize(
        ("start", "end"), [(0, 4), (2, 5), (9, 10), (5, 99), (10, 12), (50, 60), (3, 3), (0, 10)]
    )
    async def test_range(self, objects: Objects, here: ObjectPrefix, start: int, end: int) -> None:
        """A range is cut as Python cuts a slice: past the end there is just less."""
        content = b"0123456789"
        await objects.put(here.key("a"), content)

        found = await objects.get_range(here.key("a"), start=start, end=end)

        assert found == content[start:end]

    async def test_stream(self, objects: Objects, here: ObjectPrefix) -> None:
        """A stream gives all the bytes, or those from one place to another, in pieces."""
        await objects.put(here.key("a"), LARGE)

        whole = [piece async for piece in objects.stream(here.key("a"))]
        part = [piece async for piece in objects.stream(here.key("a"), start=7, end=3 << 20)]

        assert b"".join(whole) == LARGE
        assert len(whole) > 1
        assert b"".join(part) == LARGE[7 : 3 << 20]

    async def test_tells_when_it_was_stored(self, objects: Objects, here: ObjectPrefix) -> None:
        """An object's time is an instant in UTC, about now."""
        stored = await objects.put(here.key("a"), b"x")

        assert abs(datetime.now(UTC) - stored.modified) < timedelta(minutes=1)


class TestPage:
    async def test_pages_hold_everything_once(self, objects: Objects, here: ObjectPrefix) -> None:
        """Following the cursor gives each object below the prefix once, whatever the page size."""
        names = {"a", "a-b", "a.b", "a0", "b/c", "b-c", "b/d/e", "b.c", "z"}
        for name in names:
            await objects.put(here.key(name), b"x")
        await objects.put(ObjectKey(f"{here[:-1]}-neighbour/x"), b"x")

        for limit in (1, 2, 3, 8, 9, 100):
            found = await _all_keys(objects, here, limit=limit)
            assert (len(found), set(found)) == (len(names), names)

    async def test_nothing_there(self, objects: Objects, here: ObjectPrefix) -> None:
        """A prefix below which nothing lies gives an empty last page."""
        page = await objects.page(here)

        assert (list(page.objects), page.after) == ([], None)

    async def test_deletion_between_pages(self, objects: Objects, here: ObjectPrefix) -> None:
        """A cursor stays good when the object that it names was deleted meanwhile."""
        for name in "abcd":
            await objects.put(here.key(name), b"x")
        first = await objects.page(here, limit=2)
        assert first.after is not None
        await objects.delete(first.after)

        rest = await objects.page(here, after=first.after)

        assert [each.key[-1] for each in rest.objects] == ["c", "d"]


class TestDelete:
    async def test_repeats(self, objects: Objects, here: ObjectPrefix) -> None:
        """Deleting makes it missing; deleting again is no error."""
        await objects.put(here.key("b", "a"), b"x")

        await objects.delete(here.key("b", "a"))
        await objects.delete(here.key("b", "a"))

        with pytest.raises(ObjectMissing):
            await objects.head(here.key("b", "a"))

    async def test_prefix(self, objects: Objects, here: ObjectPrefix) -> None:
        """Deleting a prefix removes all below it and nothing beside it; repeating it is no error."""
        for name in ("film/1", "film/2/3", "film-2/1", "film.mp4"):
            await objects.put(here.key(name), b"x")

        await objects.delete_prefix(ObjectPrefix(f"{here}film/"))
        await objects.delete_prefix(ObjectPrefix(f"{here}film/"))

        assert sorted(await _all_keys(objects, here)) == ["film-2/1", "film.mp4"]

    async def test_writing_while_deleting(self, objects: Objects, here: ObjectPrefix) -> None:
        """A write succeeds while its neighbours, the last in their folder, are deleted."""

        async def put_and_delete(name: str) -> None:
            for _ in range(10):
                await objects.put(here.key("folder", name), b"x")
                await objects.delete(here.key("folder", name))

        await asyncio.gather(*(put_and_delete(name) for name in "abcd"))

        assert await _all_keys(objects, here) == []


class TestCopy:
    async def test_copies(self, objects: Objects, here: ObjectPrefix) -> None:
        """The copy has the bytes, in place of what was there; the source stays."""
        await objects.put(here.key("a"), b"film")
        await objects.put(here.key("b"), b"old")

        stored = await objects.copy(here.key("a"), here.key("b"))

        assert stored.size == 4
        assert await objects.get(here.key("a")) == await objects.get(here.key("b")) == b"film"

    async def test_missing(self, objects: Objects, here: ObjectPrefix) -> None:
        """Copying what is not there says so and makes nothing."""
        with pytest.raises(ObjectMissing):
            await objects.copy(here.key("a"), here.key("b"))

        assert await _all_keys(objects, here) == []


class TestConcatenate:
    async def test_joins_in_order(self, objects: Objects, here: ObjectPrefix) -> None:
        """The parts are joined in the order given, and stay."""
        for name, content in (("1", LARGE), ("2", b""), ("3", b"end")):
            await objects.put(here.key(name), content)

        stored = await objects.concatenate([here.key(name) for name in "1231"], here.key("whole"))

        assert stored.size == 2 * len(LARGE) + 3
        assert await objects.get(here.key("whole")) == LARGE + b"end" + LARGE
        assert sorted(await _all_keys(objects, here)) == ["1", "2", "3", "whole"]

    async def test_makes_new_objects_only(self, objects: Objects, here: ObjectPrefix) -> None:
        """What is there is not replaced, and a missing part makes nothing."""
        await objects.put(here.key("1"), b"x")
        await objects.put(here.key("whole"), b"old")

        with pytest.raises(ObjectExists):
            await objects.concatenate([here.key("1")], here.key("whole"))
        with pytest.raises(ObjectMissing):
            await objects.concatenate([here.key("1"), here.key("2")], here.key("new"))

        assert await objects.get(here.key("whole")) == b"old"
        assert sorted(await _all_keys(objects, here)) == ["1", "whole"]


class TestLocalPath:
    async def test_is_the_bytes_or_nothing(self, objects: Objects, here: ObjectPrefix) -> None:
        """Where a store gives a path, the bytes are in it."""
        await objects.put(here.key("a"), b"film")

        path = objects.local_path(here.key("a"))

        assert path is None or path.read_bytes() == b"film"
