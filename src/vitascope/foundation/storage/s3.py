"""Objects in S3: AWS, SeaweedFS, MinIO or another that speaks it."""

import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from obstore import exceptions
from obstore.store import S3Store
from pydantic import SecretStr

from vitascope.foundation.errors import Invalid
from vitascope.foundation.storage.keys import ObjectKey, ObjectPrefix
from vitascope.foundation.storage.objects import (
    CHUNK_BYTES,
    PAGE,
    Body,
    Listing,
    ObjectExists,
    ObjectMissing,
    StorageDown,
    Stored,
)

if TYPE_CHECKING:
    from obstore import Attributes, GetOptions, ObjectMeta
    from obstore.store import S3Config

_SINGLE_BYTES = (
    8 << 20
)  # up to here a conditional write is one request; S3 has none for multipart through obstore
_DELETED_AT_ONCE = 1000
_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
    ".m4a": "audio/mp4",
    ".vtt": "text/vtt",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".json": "application/json",
}


@dataclass(frozen=True, kw_only=True)
class S3Credentials:
    """An access key; without one the environment or the machine's role is asked, as AWS tools do."""

    access_key: str
    secret_key: SecretStr
    session_token: SecretStr | None = None


class S3Objects:
    """Implements `Objects` in a bucket: `s3://bucket/folder?endpoint=https://host:port&region=eu-central-1`.

    Players are served from it directly, so an object gets the content type that its suffix says.
    """

    def __init__(self, url: str, *, credentials: S3Credentials | None = None) -> None:
        self._store = _store(url, credentials)

    async def put(self, key: ObjectKey, body: Body) -> Stored:
        """Store the body, in place of what was there; a large one in parts."""
        with _told(key):
            await self._store.put_async(key, body, attributes=_attributes(key))
        return await self.head(key)

    async def put_if_absent(self, key: ObjectKey, body: Body) -> Stored:
        """Store the body if nothing is there. Raises ObjectExists."""
        if _size(body) <= _SINGLE_BYTES:
            with _told(key):
                await self._store.put_async(key, body, mode="create", attributes=_attributes(key))
            return await self.head(key)
        async with self._aside(key, body) as whole:
            with _told(key):
                await self._store.copy_async(whole, key, overwrite=False)
        return await self.head(key)

    async def get(self, key: ObjectKey) -> bytes:
        """The whole object. Raises ObjectMissing."""
        with _told(key):
            return bytes(await (await self._store.get_async(key)).bytes_async())

    async def get_range(self, key: ObjectKey, *, start: int, end: int) -> bytes:
        """The bytes from `start` up to and without `end`."""
        pieces = [piece async for piece in self.stream(key, start=start, end=end)]
        return b"".join(pieces)

    async def stream(self, key: ObjectKey, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The same in pieces."""
        size = (await self.head(key)).size if start or end is not None else 0
        last = size if end is None else min(end, size)
        if (start or end is not None) and start >= last:
            return  # S3 answers 416 to an empty range
        options: GetOptions = {"range": (start, last)} if size else {}
        with _told(key):
            result = await self._store.get_async(key, options=options)
            async for piece in result.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(piece)

    async def head(self, key: ObjectKey) -> Stored:
        """Size, tag and time. Raises ObjectMissing."""
        with _told(key):
            return _stored(await self._store.head_async(key))

    async def page(
        self, prefix: ObjectPrefix, *, after: ObjectKey | None = None, limit: int = PAGE
    ) -> Listing:
        """At most `limit` objects below the prefix, those that follow `after`."""
        found: list[Stored] = []
        with _told(prefix):
            async for chunk in self._store.list_async(prefix, offset=after, chunk_size=limit + 1):
                found.extend(_stored(each) for each in chunk)
                if len(found) > limit:
                    return Listing(objects=found[:limit], after=found[limit - 1].key)
        return Listing(objects=found, after=None)

    async def delete(self, key: ObjectKey) -> None:
        """Remove it; nothing there is no error."""
        with _told(key):
            await self._store.delete_async(key)

    async def delete_prefix(self, prefix: ObjectPrefix) -> None:
        """Remove all objects below the prefix, a thousand a request."""
        with _told(prefix):
            async for chunk in self._store.list_async(prefix, chunk_size=_DELETED_AT_ONCE):
                await self._store.delete_async([each["path"] for each in chunk])

    async def copy(self, source: ObjectKey, target: ObjectKey) -> Stored:
        """Store a copy, in place of what was there; the bytes stay in S3. Raises ObjectMissing."""
        with _told(source):
            await self._store.copy_async(source, target)
        return await self.head(target)

    async def concatenate(self, parts: Sequence[ObjectKey], target: ObjectKey) -> Stored:
        """Join the parts into one new object. Raises ObjectMissing and ObjectExists."""
        for part in parts:
            await self.head(part)
        return await self.put_if_absent(target, self._joined(parts))

    def local_path(self, key: ObjectKey) -> None:
        """None: the bytes are elsewhere."""

    async def _joined(self, parts: Sequence[ObjectKey]) -> AsyncIterator[bytes]:
        for part in parts:
            async for piece in self.stream(part):
                yield piece

    @asynccontextmanager
    async def _aside(self, key: ObjectKey, body: Body) -> AsyncIterator[ObjectKey]:
        """The whole body under a name of its own, to be copied to its key if nothing is there."""
        whole = ObjectKey.of(key.tenant, "_partial", uuid.uuid4().hex + key.suffix)
        try:
            await self.put(whole, body)
            yield whole
        finally:
            await self.delete(whole)


def _store(url: str, credentials: S3Credentials | None) -> S3Store:
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if parts.scheme != "s3" or not parts.netloc or query.keys() - {"endpoint", "region"}:
        raise Invalid(
            "An S3 store reads s3://bucket/folder?endpoint=https://host:port&region=name.", field="url"
        )
    config: S3Config = {"copy_if_not_exists": "multipart", **_keys(credentials)}
    config["region"] = query.get("region", "us-east-1")
    if endpoint := query.get("endpoint"):
        config["endpoint"] = endpoint
        config["virtual_hosted_style_request"] = False
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        config=config,
        client_options={
            "allow_http": query.get("endpoint", "").startswith("http:"),
            "connect_timeout": timedelta(seconds=5),
            "read_timeout": timedelta(seconds=30),
            "timeout": timedelta(hours=1),  # of one whole request: a stream of a film is one
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=20)},
    )


def _keys(credentials: S3Credentials | None) -> "S3Config":
    if credentials is None:
        return {}
    keys: S3Config = {
        "access_key_id": credentials.access_key,
        "secret_access_key": credentials.secret_key.get_secret_value(),
    }
    if credentials.session_token:
        keys["session_token"] = credentials.session_token.get_secret_value()
    return keys


def _size(body: Body) -> float:
    if isinstance(body, bytes):
        return len(body)
    return body.stat().st_size if isinstance(body, Path) else float("inf")


def _attributes(key: ObjectKey) -> "Attributes | None":
    content_type = _TYPES.get(key.suffix)
    return {"Content-Type": content_type} if content_type else None


def _stored(meta: "ObjectMeta") -> Stored:
    return Stored(
        key=ObjectKey(meta["path"]),
        size=meta["size"],
        etag=(meta["e_tag"] or "").strip('"'),
        modified=meta["last_modified"],
    )


@contextmanager
def _told(key: str) -> Iterator[None]:
    """Turn what the store says into our errors."""
    try:
        yield
    except (exceptions.NotFoundError, FileNotFoundError):
        raise ObjectMissing(extra={"key": key}) from None
    except exceptions.AlreadyExistsError:
        raise ObjectExists(extra={"key": key}) from None
    except exceptions.BaseError as error:
        raise StorageDown(extra={"key": key}) from error
