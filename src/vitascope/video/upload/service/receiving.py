"""Receiving bytes: one writer at a time, each part durable before it counts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database, retried
from vitascope.foundation.errors import Invalid, QuotaExceeded, VitascopeError
from vitascope.foundation.ids import Id, Ids
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.objects import Objects
from vitascope.identity.users.contracts import Permission
from vitascope.video.upload import repository
from vitascope.video.upload.contracts import (
    ChecksumMismatch,
    NoSuchUpload,
    Upload,
    UploadId,
    UploadLocked,
    UploadTooLarge,
)
from vitascope.video.upload.repository import Part
from vitascope.video.upload.service import places, rules
from vitascope.video.upload.service.intake import Body, BrokenOff, Ending, FellSilent, Intake
from vitascope.video.upload.service.settings import UploadSettings
from vitascope.video.upload.service.uploads import Limits, UploadService, take_share


class WriterId(Id, prefix="wrt"):
    """One request's right to add bytes; no two have the same."""


@dataclass(slots=True, kw_only=True)
class Writing:
    """What the writer of an upload knows of it."""

    upload: Upload
    writer: UUID
    limits: Limits | None  # only where the length, and so the share to reserve, is not known yet
    is_released: bool = False


class Receiver:
    """Takes the bytes of uploads, for as long as a request lasts; no transaction is open while it waits."""

    def __init__(
        self,
        *,
        db: Database,
        objects: Objects,
        uploads: UploadService,
        clock: Clock,
        ids: Ids,
        settings: UploadSettings,
    ) -> None:
        self._db, self._objects, self._uploads = db, objects, uploads
        self._clock, self._ids, self._settings = clock, ids, settings

    async def receive(self, ctx: Context, *, upload: UploadId, offset: int, body: Body) -> Upload:
        """Add a body at the offset; what arrives before the connection breaks counts.

        With a checksum nothing counts before all of it is there and right. Raises `OffsetMismatch`,
        `UploadLocked`, `NotWritable`, `LongerThanDeclared`, `ChecksumMismatch`, `BrokenOff`, `FellSilent`.
        """
        ctx.require(Permission.UPLOAD)
        limits = await self._uploads.limits(ctx)
        async with self._writing(ctx, upload=upload, offset=offset, body=body, limits=limits) as writing:
            room = self._settings.max_bytes if writing.upload.length is None else writing.upload.length
            intake = Intake(body, room=room - writing.upload.received, settings=self._settings)
            try:
                if body.checksum is None:
                    await self._each_part_counts(ctx, writing, intake)
                else:
                    await self._all_or_nothing(ctx, writing, intake, body)
            finally:
                await intake.close()
            _require_whole(intake)
            return writing.upload

    async def _each_part_counts(self, ctx: Context, writing: Writing, intake: Intake) -> None:
        while await intake.more():
            part = await self._store(ctx, writing, intake, start=writing.upload.received)
            await self._count_or_delete(ctx, writing, [part])

    async def _all_or_nothing(self, ctx: Context, writing: Writing, intake: Intake, body: Body) -> None:
        stored: list[Part] = []
        start = writing.upload.received
        try:
            while await intake.more():
                stored.append(await self._store(ctx, writing, intake, start=start))
                start += stored[-1].size
                await self._stay_writer(ctx, writing)
            _require_match(intake, body)
        except BaseException:
            await self._delete(stored)
            raise
        if intake.ending is not Ending.WHOLE:
            await self._delete(stored)
        elif stored:
            await self._count_or_delete(ctx, writing, stored)

    async def _store(self, ctx: Context, writing: Writing, intake: Intake, *, start: int) -> Part:
        key = places.part_key(ctx.tenant, writing.upload.id, start=start, writer=writing.writer)
        await self._objects.put(key, intake.part())
        return Part(start=start, size=intake.part_size, key=key)

    async def _count_or_delete(self, ctx: Context, writing: Writing, stored: list[Part]) -> None:
        """Count the pieces, or delete them if they were refused.

        When the database does not answer, the transaction may have been committed all the same: then the
        pieces stay, and those that do not count go with the upload's others.
        """
        try:
            await self._count(ctx, writing, stored)
        except (UploadLocked, QuotaExceeded):
            await self._delete(stored)
            raise

    @retried
    async def _count(self, ctx: Context, writing: Writing, stored: list[Part]) -> None:
        upload, now = writing.upload, self._clock.now()
        end = stored[-1].start + stored[-1].size
        expires_at = now + timedelta(hours=self._settings.expire_hours)
        async with self._db.transaction(ctx) as tx:
            if writing.limits is not None:
                await take_share(tx, size=end - upload.received, count=0, limits=writing.limits)
            counted = await repository.advance(
                tx,
                upload=upload.id,
                writer=writing.writer,
                added=stored,
                until=self._until(now),
                expires_at=expires_at,
            )
            if not counted:
                raise UploadLocked
            is_whole = end == upload.length
            if is_whole:
                await rules.all_received(tx, upload=upload, at=now)
        writing.upload = replace(upload, received=end, expires_at=expires_at)
        writing.is_released = is_whole

    async def _stay_writer(self, ctx: Context, writing: Writing) -> None:
        async with self._db.transaction(ctx) as tx:
            until = self._until(self._clock.now())
            if not await repository.keep(tx, upload=writing.upload.id, writer=writing.writer, until=until):
                raise UploadLocked

    async def _delete(self, stored: list[Part]) -> None:
        """Remove pieces that do not count; what cannot be removed now goes with the upload."""
        for part in stored:
            with contextlib.suppress(VitascopeError):
                await self._objects.delete(ObjectKey(part.key))

    @asynccontextmanager
    async def _writing(
        self, ctx: Context, *, upload: UploadId, offset: int, body: Body, limits: Limits
    ) -> AsyncIterator[Writing]:
        writing = await self._begin(ctx, upload=upload, offset=offset, body=body, limits=limits)
        try:
            yield writing
        finally:
            if not writing.is_released:
                await asyncio.shield(self._release(ctx, writing))

    @retried
    async def _begin(
        self, ctx: Context, *, upload: UploadId, offset: int, body: Body, limits: Limits
    ) -> Writing:
        now, writer = self._clock.now(), self._ids.new(WriterId).uuid
        async with self._db.transaction(ctx) as tx:
            held = await repository.lock(tx, upload=upload, owner=ctx.account)
            if held is None:
                raise NoSuchUpload
            rules.require_writable(held, offset=offset, at=now)
            found = held.upload
            length = self._declared(found, body)
            if length is not None and found.length is None:
                await take_share(tx, size=length - found.received, count=0, limits=limits)
            found = replace(found, length=length)
            rules.require_room(found, size=body.size)
            await repository.take(tx, upload=upload, writer=writer, until=self._until(now), length=length)
            is_whole = length == found.received
            if is_whole:  # its last bytes came before its length was known
                await rules.all_received(tx, upload=found, at=now)
        return Writing(
            upload=found, writer=writer, limits=limits if length is None else None, is_released=is_whole
        )

    def _declared(self, upload: Upload, body: Body) -> int | None:
        """The upload's length, told now or before."""
        if body.length is None:
            return upload.length
        if upload.length is not None and upload.length != body.length:
            raise Invalid("The length of an upload is told once.", field="Upload-Length")
        if body.length < upload.received:
            raise Invalid("More than this length has arrived already.", field="Upload-Length")
        if body.length > self._settings.max_bytes:
            raise UploadTooLarge(f"A file may have at most {self._settings.max_bytes} bytes.")
        return body.length

    async def _release(self, ctx: Context, writing: Writing) -> None:
        with contextlib.suppress(VitascopeError):  # then the lock ends by itself
            async with self._db.transaction(ctx) as tx:
                await repository.release(tx, upload=writing.upload.id, writer=writing.writer)

    def _until(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._settings.lease_seconds)


def _require_whole(intake: Intake) -> None:
    if intake.ending is Ending.BROKEN:
        raise BrokenOff
    if intake.ending is Ending.SILENT:
        raise FellSilent


def _require_match(intake: Intake, body: Body) -> None:
    if intake.ending is Ending.WHOLE and body.checksum is not None and not intake.matches(body.checksum):
        raise ChecksumMismatch
