"""What others may ask of the catalog."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from vitascope.foundation.context import AccountId, Context
from vitascope.foundation.errors import Conflict, NotFound
from vitascope.foundation.ids import Id
from vitascope.transcoding.jobs.contracts import JobId


class TitleId(Id, prefix="ttl"):
    """A film, an episode, a lecture: something with a name that plays."""


class Visibility(StrEnum):
    """Who may see a published title."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"


class TitleState(StrEnum):
    """Whether a title's film can be played; publishing is another matter."""

    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who made the film, and as what: `Director`, `Cast`."""

    name: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """A title as a reader of the catalog sees it.

    `output` is the object prefix of its renditions once it is ready; `duration` in seconds;
    `artwork` is the object key of an uploaded picture; the picture to show, artwork or else a frame
    of the film, is at `/api/v1/titles/{id}/poster` as soon as there is one.
    """

    id: TitleId
    name: str
    description: str
    tags: Sequence[str]
    people: Sequence[Person]
    visibility: Visibility
    state: TitleState
    published_at: datetime | None
    created_at: datetime
    owner: AccountId
    job: JobId | None
    output: str | None
    duration: float | None
    width: int | None
    height: int | None
    artwork: str | None
    problem: Mapping[str, Any] | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleChanges:
    """What to change about a title; None leaves a field as it is."""

    name: str | None = None
    description: str | None = None
    tags: Sequence[str] | None = None
    people: Sequence[Person] | None = None
    visibility: Visibility | None = None


class NoSuchTitle(NotFound):
    """There is no such title, or it is not published for you."""


class TitleNotReady(Conflict):
    """The film is still being transcoded; it can be published and played once it is ready."""


class NoSuchPoster(NotFound):
    """This title has no picture yet; it gets one when its film is ready."""


class Titles(Protocol):
    """The tenant's titles."""

    async def get(self, ctx: Context, *, title: TitleId) -> Title:
        """A title that the principal may see: published, own, or any for an operator (`NoSuchTitle`)."""

    async def require_playable(self, ctx: Context, *, title: TitleId) -> Title:
        """A title that the principal may play now; raises `NoSuchTitle` or `TitleNotReady`."""

    async def published(self, ctx: Context, *, after: TitleId | None, limit: int) -> Sequence[Title]:
        """Public published titles, newest publication first."""

    async def own(self, ctx: Context, *, after: TitleId | None, limit: int) -> Sequence[Title]:
        """The signed-in account's titles, newest first, whatever their state."""

    async def publish(self, ctx: Context, *, title: TitleId) -> Title:
        """Show a ready title; repeating it changes nothing; raises `TitleNotReady`."""

    async def unpublish(self, ctx: Context, *, title: TitleId) -> Title:
        """Hide a title; repeating it changes nothing."""

    async def edit(self, ctx: Context, *, title: TitleId, changes: TitleChanges, version: int) -> Title:
        """Change what is said of a title: raises `PreconditionFailed` unless it still has this version.

        Raises Invalid naming the field that cannot be.
        """

    async def remove(self, ctx: Context, *, title: TitleId) -> None:
        """Remove a title with its renditions."""
