"""All SQL of the catalog."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Row,
    Select,
    bindparam,
    delete,
    null,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql

from vitascope.foundation.context import AccountId
from vitascope.foundation.db.database import Reader, Transaction
from vitascope.transcoding.jobs.contracts import JobId
from vitascope.video.catalog.contracts import Person, Title, TitleId, TitleState, Visibility
from vitascope.video.catalog.models import titles

_SHOWN = [titles.c[name] for name in Title.__dataclass_fields__]

# the most frequent question of all is built once
_VISIBLE = select(*_SHOWN).where(
    titles.c.id == bindparam("title", type_=titles.c.id.type),
    or_(
        titles.c.published_at.is_not(None) & (titles.c.visibility != Visibility.PRIVATE.value),
        titles.c.owner == bindparam("account", type_=titles.c.owner.type),
        bindparam("sees_all", type_=Boolean),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Whose titles are seen beside the published ones: an account's own, or all."""

    account: AccountId | None
    sees_all: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a reader looks for in the published titles; `text` is a part of a name, in any case."""

    text: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A title after a job has told of it: whether that published it, and whether it played before."""

    title: Title
    published: bool
    was_ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a job's events say of the film of a source."""

    source: str
    job: JobId
    values: Mapping[str, Any]


async def visible(reader: Reader, *, title: TitleId, viewer: Viewer) -> Title | None:
    """The title, if the viewer may see it."""
    row = await reader.first(
        _VISIBLE, {"title": title, "account": viewer.account, "sees_all": viewer.sees_all}
    )
    return _title(row) if row is not None else None


async def lock(tx: Transaction, *, title: TitleId, viewer: Viewer) -> Title | None:
    """The title that the viewer may edit, kept from other editors until the transaction ends."""
    row = await tx.first(select(*_SHOWN).where(titles.c.id == title, _owned_by(viewer)).with_for_update())
    return _title(row) if row is not None else None


async def is_editable(reader: Reader, *, title: TitleId, viewer: Viewer) -> bool:
    """Whether the viewer may edit the title."""
    return await reader.scalar(select(titles.c.id).where(titles.c.id == title, _owned_by(viewer))) is not None


async def published(
    reader: Reader, *, search: Search, after: tuple[datetime, TitleId] | None, limit: int
) -> Sequence[Title]:
    """Public published titles, newest publication first."""
    found = (
        select(*_SHOWN)
        .where(titles.c.published_at.is_not(None), titles.c.visibility == Visibility.PUBLIC.value)
        .order_by(titles.c.published_at.desc(), titles.c.id.desc())
    )
    if after is not None:
        found = found.where(tuple_(titles.c.published_at, titles.c.id) < after)
    return await _titles(reader, _matching(found, search).limit(limit))


async def own(reader: Reader, *, owner: AccountId, after: TitleId | None, limit: int) -> Sequence[Title]:
    """An account's titles, newest first."""
    found = select(*_SHOWN).where(titles.c.owner == owner).order_by(titles.c.id.desc())
    if after is not None:
        found = found.where(titles.c.id < after)
    return await _titles(reader, found.limit(limit))


async def publication(reader: Reader, *, title: TitleId) -> datetime | None:
    """When the title was published, None if it is not."""
    found: datetime | None = await reader.scalar(select(titles.c.published_at).where(titles.c.id == title))
    return found


async def add(tx: Transaction, *, values: Mapping[str, Any]) -> bool:
    """Insert a title; tells whether its upload had none yet."""
    return await tx.execute(postgresql.insert(titles).values(**values).on_conflict_do_nothing()) == 1


async def change(tx: Transaction, *, title: TitleId, values: Mapping[str, Any]) -> Title | None:
    """Set columns and raise the version."""
    changed = update(titles).where(titles.c.id == title).values(**values, version=titles.c.version + 1)
    row = await tx.first(changed.returning(*_SHOWN))
    return _title(row) if row is not None else None


async def settle(tx: Transaction, made: Made, *, published_at: datetime | None) -> Settled | None:
    """Set what a job says on the title of its source; tells whether that published the title.

    With `published_at` a title whose uploader asked for it is published, once.
    """
    publishes = titles.c.publish_when_ready & titles.c.published_at.is_(None) & (published_at is not None)
    # whoever may run jobs may run one on another's film: it is not the job of this title
    own = titles.c.job.is_(None) | (titles.c.job == made.job)
    before = select(titles.c.id, titles.c.state, publishes.label("publishes"))
    found = await tx.first(before.where(titles.c.source == made.source, own).with_for_update())
    if found is None:
        return None
    shown = {"published_at": published_at, "publish_when_ready": False} if found.publishes else {}
    title = await change(tx, title=found.id, values={**made.values, **shown})
    if title is None:
        return None
    was_ready = found.state == TitleState.READY.value
    return Settled(title=title, published=bool(found.publishes), was_ready=was_ready)


async def resume(tx: Transaction, *, job: JobId) -> None:
    """A failed title whose job runs again is in the making."""
    failed = (titles.c.job == job) & (titles.c.state == TitleState.FAILED.value)
    processing = {"state": TitleState.PROCESSING.value, "problem": null(), "version": titles.c.version + 1}
    await tx.execute(update(titles).where(failed).values(processing))


async def remove(tx: Transaction, *, title: TitleId) -> str | None:
    """Delete the title; its source's key if there was one."""
    source: str | None = await tx.scalar(
        delete(titles).where(titles.c.id == title).returning(titles.c.source)
    )
    return source


def _owned_by(viewer: Viewer) -> ColumnElement[bool]:
    return true() if viewer.sees_all else titles.c.owner == viewer.account


def _matching(found: Select[Any], search: Search) -> Select[Any]:
    if search.text is not None:
        found = found.where(titles.c.name.icontains(search.text, autoescape=True))
    if search.tag is not None:
        found = found.where(titles.c.tags.contains([search.tag]))
    return found


async def _titles(reader: Reader, found: Select[Any]) -> Sequence[Title]:
    return [_title(row) for row in await reader.rows(found)]


def _title(row: Row[Any]) -> Title:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public spelling
    values["people"] = tuple(Person(**person) for person in values["people"])
    values["tags"] = tuple(values["tags"])
    values["visibility"] = Visibility(values["visibility"])
    values["state"] = TitleState(values["state"])
    return Title(**values)
