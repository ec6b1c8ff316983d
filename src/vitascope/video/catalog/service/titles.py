"""What readers and editors do with titles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database, Transaction
from vitascope.foundation.errors import PreconditionFailed
from vitascope.foundation.http.etags import require_match
from vitascope.foundation.ids import Id, Ids
from vitascope.foundation.storage.keys import ObjectKey, ObjectPrefix
from vitascope.foundation.storage.objects import ObjectMissing, Objects
from vitascope.foundation.workflows.declaration import Work
from vitascope.identity.users.contracts import Permission
from vitascope.transcoding.jobs.contracts import JobId
from vitascope.video.catalog import repository
from vitascope.video.catalog.adapters.pictures import reencode
from vitascope.video.catalog.contracts import (
    NoSuchPoster,
    NoSuchTitle,
    Title,
    TitleChanges,
    TitleId,
    TitleNotReady,
)
from vitascope.video.catalog.events import TitlePublished, TitleRemoved, TitleUnpublished
from vitascope.video.catalog.repository import Search, Viewer
from vitascope.video.catalog.service.changes import values_of

FRAME = "pictures/poster.jpg"
"""Where a job leaves a frame of the film, below its output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What a removed title leaves behind: its job, its objects and the folders of them."""

    job: JobId | None
    keys: Sequence[str]
    prefixes: Sequence[str]


ERASE: Work[Remains] = Work("video.catalog.erase")


class ArtworkId(Id, prefix="art"):
    """One uploaded picture."""


class TitleService:
    """Implements `contracts.Titles`."""

    def __init__(self, *, db: Database, clock: Clock, ids: Ids, objects: Objects) -> None:
        self._db, self._clock, self._ids, self._objects = db, clock, ids, objects

    async def get(self, ctx: Context, *, title: TitleId) -> Title:
        """A title that the principal may see; raises NoSuchTitle."""
        async with self._db.read(ctx) as reader:
            found = await repository.visible(reader, title=title, viewer=viewer_of(ctx))
        if found is None:
            raise NoSuchTitle
        return found

    async def require_playable(self, ctx: Context, *, title: TitleId) -> Title:
        """A title that the principal may play now; raises NoSuchTitle or TitleNotReady."""
        found = await self.get(ctx, title=title)
        if found.output is None:
            raise TitleNotReady
        return found

    async def published(self, ctx: Context, *, after: TitleId | None, limit: int) -> Sequence[Title]:
        """Public published titles after this one; none if it is no longer published."""
        if after is None:
            return await self.search(ctx, search=Search(), after=None, limit=limit)
        async with self._db.read(ctx) as reader:
            at = await repository.publication(reader, title=after)
        if at is None:
            return []
        return await self.search(ctx, search=Search(), after=(at, after), limit=limit)

    async def search(
        self, ctx: Context, *, search: Search, after: tuple[datetime, TitleId] | None, limit: int
    ) -> Sequence[Title]:
        """Public published titles that match, newest publication first."""
        async with self._db.read(ctx) as reader:
            return await repository.published(reader, search=search, after=after, limit=limit)

    async def own(self, ctx: Context, *, after: TitleId | None, limit: int) -> Sequence[Title]:
        """The signed-in account's titles, newest first."""
        async with self._db.read(ctx) as reader:
            return await repository.own(reader, owner=ctx.account, after=after, limit=limit)

    async def edit(
        self,
        ctx: Context,
        *,
        title: TitleId,
        changes: TitleChanges,
        version: int | None = None,
        if_match: str | None = None,
    ) -> Title:
        """Change what is said of a title; raises NoSuchTitle, or PreconditionFailed if it has changed.

        What it must not have changed from is said by its `version`, or over HTTP by `if_match`.
        """
        values = values_of(changes)
        async with self._db.transaction(ctx) as tx:
            found = await self._editable(tx, title=title)
            require_match(if_match, etag=etag_of_title(found))
            if version not in {None, found.version}:
                raise PreconditionFailed
            return await self._change(tx, found, values) if values else found

    async def publish(self, ctx: Context, *, title: TitleId) -> Title:
        """Show a ready title; repeating it changes nothing; raises TitleNotReady."""
        async with self._db.transaction(ctx) as tx:
            found = await self._editable(tx, title=title)
            if found.output is None:
                raise TitleNotReady
            if found.published_at is not None:
                return found
            tx.emit(TitlePublished(title=title, visibility=found.visibility), subject=title)
            return await self._change(tx, found, {"published_at": self._clock.now()})

    async def unpublish(self, ctx: Context, *, title: TitleId) -> Title:
        """Hide a title, also one that was to be published when it is ready; repeating it changes nothing."""
        async with self._db.transaction(ctx) as tx:
            found = await self._editable(tx, title=title)
            if found.published_at is not None:
                tx.emit(TitleUnpublished(title=title), subject=title)
            return await self._change(tx, found, {"published_at": None, "publish_when_ready": False})

    async def remove(self, ctx: Context, *, title: TitleId, if_match: str | None = None) -> None:
        """Delete a title; its files go soon after."""
        async with self._db.transaction(ctx) as tx:
            found = await self._editable(tx, title=title)
            require_match(if_match, etag=etag_of_title(found))
            source = await repository.remove(tx, title=title)
            tx.emit(TitleRemoved(title=title), subject=title)
            keys = [key for key in (source, found.artwork) if key is not None]
            prefixes = [found.output] if found.output is not None else []
            tx.start(ERASE, Remains(job=found.job, keys=keys, prefixes=prefixes), id=f"erase-{title}")

    async def illustrate(self, ctx: Context, *, title: TitleId, picture: bytes) -> Title:
        """Give a title an own picture; raises NotAPicture, PictureTooLarge or NoSuchTitle."""
        await self._require_editable(ctx, title=title)
        key = ObjectKey.of(ctx.tenant, "artwork", title, f"{self._ids.new(ArtworkId)}.jpg")
        await self._objects.put(key, await reencode(picture))
        try:
            return await self._replace_artwork(ctx, title=title, key=key)
        except BaseException:
            await self._objects.delete(key)
            raise

    async def poster(self, ctx: Context, *, title: TitleId) -> ObjectKey:
        """The picture to show for a title: its artwork, or a frame of the film; raises NoSuchPoster."""
        found = await self.get(ctx, title=title)
        if found.artwork is not None:
            return ObjectKey(found.artwork)
        if found.output is None:
            raise NoSuchPoster
        return ObjectPrefix(found.output).key(FRAME)

    async def picture(self, key: ObjectKey) -> bytes:
        """The bytes of a poster; raises NoSuchPoster."""
        try:
            return await self._objects.get(key)
        except ObjectMissing as failure:
            raise NoSuchPoster from failure

    async def _replace_artwork(self, ctx: Context, *, title: TitleId, key: ObjectKey) -> Title:
        async with self._db.transaction(ctx) as tx:
            found = await self._editable(tx, title=title)
            if found.artwork is not None:
                old = Remains(job=None, keys=[found.artwork], prefixes=[])
                tx.start(ERASE, old, id=f"erase-{title}-{found.version}")
            return await self._change(tx, found, {"artwork": key})

    async def _require_editable(self, ctx: Context, *, title: TitleId) -> None:
        require_editor(ctx)
        async with self._db.read(ctx) as reader:
            if not await repository.is_editable(reader, title=title, viewer=viewer_of(ctx)):
                raise NoSuchTitle

    async def _editable(self, tx: Transaction, *, title: TitleId) -> Title:
        """The title, locked; an editor sees the own ones, an operator all."""
        require_editor(tx.ctx)
        found = await repository.lock(tx, title=title, viewer=viewer_of(tx.ctx))
        if found is None:
            raise NoSuchTitle
        return found

    async def _change(self, tx: Transaction, found: Title, values: Mapping[str, Any]) -> Title:
        changed = await repository.change(tx, title=found.id, values=values)
        if changed is None:
            raise NoSuchTitle
        return changed


def viewer_of(ctx: Context) -> Viewer:
    """Whose unpublished titles the principal sees."""
    sees_all = ctx.principal.may(Permission.EDIT_TITLES)
    return Viewer(account=ctx.principal.account, sees_all=sees_all)


def require_editor(ctx: Context) -> None:
    """Raise Unauthenticated or Forbidden for one who may edit no title at all."""
    if not ctx.principal.may(Permission.EDIT_TITLES):
        ctx.require(Permission.EDIT_OWN_TITLES)


def etag_of_title(title: Title) -> str:
    """The entity tag of a title as it stands; each change makes another."""
    return f'"{title.version}"'
