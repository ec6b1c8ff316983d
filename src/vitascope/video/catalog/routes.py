"""The catalog over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from vitascope.foundation.context import AccountId
from vitascope.foundation.http.auth import SignedIn, Visitor
from vitascope.foundation.http.etags import etag_of, is_not_modified
from vitascope.foundation.http.pagination import Page, PagingQuery
from vitascope.foundation.wiring import Provided
from vitascope.transcoding.jobs.contracts import JobId
from vitascope.video.catalog.adapters.pictures import MAX_BYTES, PictureTooLarge
from vitascope.video.catalog.contracts import Person, Title, TitleChanges, TitleId, TitleState, Visibility
from vitascope.video.catalog.repository import Search
from vitascope.video.catalog.service.changes import MAX_DESCRIPTION, MAX_NAME, MAX_TAG, MAX_TAGS
from vitascope.video.catalog.service.titles import TitleService, etag_of_title

router = APIRouter(prefix="/titles", tags=["titles"])

_PUBLISHED, _OWN = "titles.published", "titles.own"
_POSTER_CACHE = "private, max-age=300"
_NO_NUL = r"^[^\x00]*$"  # which no text in PostgreSQL can hold


def _printable(text: str) -> str:
    """Refuse what cannot be seen, but for the ends of lines."""
    if any(not character.isprintable() and character not in "\n\t" for character in text):
        raise ValueError("control characters are not taken here")
    return text.strip()


def _one_line(text: str) -> str:
    if "\n" in text or "\t" in text:
        raise ValueError("this takes one line")
    if not _printable(text):
        raise ValueError("this cannot be empty")
    return _printable(text)


Line = Annotated[str, AfterValidator(_one_line)]
Tag = Annotated[Line, Field(max_length=MAX_TAG)]


class PersonBody(BaseModel):
    """Somebody who made the film, and as what."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    name: Annotated[Line, Field(max_length=100)]
    role: Annotated[Line, Field(max_length=60, examples=["Director"])]


class ChangesBody(BaseModel):
    """What to change; a field that is left out stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[Line, Field(max_length=MAX_NAME)] | None = None
    description: Annotated[str, Field(max_length=MAX_DESCRIPTION), AfterValidator(_printable)] | None = None
    tags: Annotated[list[Tag], Field(max_length=MAX_TAGS)] | None = None
    people: Annotated[list[PersonBody], Field(max_length=100)] | None = None
    visibility: Visibility | None = None

    def changes(self) -> TitleChanges:
        """As the service takes them."""
        people = None if self.people is None else [Person(name=p.name, role=p.role) for p in self.people]
        return TitleChanges(
            name=self.name,
            description=self.description,
            tags=self.tags,
            people=people,
            visibility=self.visibility,
        )


class TitleView(BaseModel):
    """A title. `duration` is in seconds; `poster` the path of its picture, if there is one."""

    model_config = ConfigDict(frozen=True)

    id: TitleId
    name: str
    description: str
    tags: list[str]
    people: list[PersonBody]
    visibility: Visibility
    state: TitleState
    published_at: datetime | None
    created_at: datetime
    owner: AccountId
    job: JobId | None
    duration: float | None
    width: int | None
    height: int | None
    poster: str | None
    problem: dict[str, Any] | None
    version: int

    @classmethod
    def of(cls, title: Title) -> Self:
        """What a client sees of a title."""
        has_poster = title.artwork is not None or title.output is not None
        return cls(
            id=title.id,
            name=title.name,
            description=title.description,
            tags=list(title.tags),
            people=[PersonBody.model_construct(name=p.name, role=p.role) for p in title.people],
            visibility=title.visibility,
            state=title.state,
            published_at=title.published_at,
            created_at=title.created_at,
            owner=title.owner,
            job=title.job,
            duration=title.duration,
            width=title.width,
            height=title.height,
            poster=f"/api/v1/titles/{title.id}/poster?v={title.version}" if has_poster else None,
            problem=dict(title.problem) if title.problem is not None else None,
            version=title.version,
        )


@router.get("")
async def published(
    *,
    ctx: Visitor,
    titles: Provided[TitleService],
    paging: PagingQuery,
    q: Annotated[
        str | None, Query(min_length=1, max_length=100, pattern=_NO_NUL, description="A part of the name.")
    ] = None,
    tag: Annotated[str | None, Query(min_length=1, max_length=40, pattern=_NO_NUL)] = None,
) -> Page[TitleView]:
    """The public titles, newest publication first."""
    search = Search(text=q, tag=tag.lower() if tag is not None else None)
    after = paging.after(tuple[datetime, UUID], order=_PUBLISHED)
    key = (after[0], TitleId.of(after[1])) if after is not None else None
    found = await titles.search(ctx, search=search, after=key, limit=paging.limit + 1)
    return Page[TitleView].cut(
        found,
        limit=paging.limit,
        order=_PUBLISHED,
        key=lambda t: (t.published_at, t.id.uuid),
        item=TitleView.of,
    )


@router.get("/mine")
async def mine(ctx: SignedIn, titles: Provided[TitleService], paging: PagingQuery) -> Page[TitleView]:
    """The signed-in account's own titles, newest first, in whatever state."""
    after = paging.after(tuple[UUID], order=_OWN)
    key = TitleId.of(after[0]) if after is not None else None
    found = await titles.own(ctx, after=key, limit=paging.limit + 1)
    return Page[TitleView].cut(
        found, limit=paging.limit, order=_OWN, key=lambda t: (t.id.uuid,), item=TitleView.of
    )


@router.get("/{title}", response_model=TitleView)
async def show(
    *,
    title: TitleId,
    ctx: Visitor,
    titles: Provided[TitleService],
    response: Response,
    if_none_match: Annotated[str | None, Header()] = None,
) -> TitleView | Response:
    """One title, with its ETag."""
    found = await titles.get(ctx, title=title)
    if is_not_modified(if_none_match, etag=etag_of_title(found)):
        return Response(status_code=304, headers={"etag": etag_of_title(found)})
    return _tagged(found, response)


@router.patch("/{title}")
async def edit(
    *,
    title: TitleId,
    body: ChangesBody,
    ctx: SignedIn,
    titles: Provided[TitleService],
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> TitleView:
    """Change what is said of a title. With If-Match the change is refused if somebody else was faster."""
    changed = await titles.edit(ctx, title=title, changes=body.changes(), if_match=if_match)
    return _tagged(changed, response)


@router.delete("/{title}", status_code=204)
async def remove(
    title: TitleId,
    ctx: SignedIn,
    titles: Provided[TitleService],
    if_match: Annotated[str | None, Header()] = None,
) -> None:
    """Delete a title and its film, for good."""
    await titles.remove(ctx, title=title, if_match=if_match)


@router.post("/{title}/publish")
async def publish(
    title: TitleId, ctx: SignedIn, titles: Provided[TitleService], response: Response
) -> TitleView:
    """Show a ready title. Repeating it changes nothing."""
    return _tagged(await titles.publish(ctx, title=title), response)


@router.post("/{title}/unpublish")
async def unpublish(
    title: TitleId, ctx: SignedIn, titles: Provided[TitleService], response: Response
) -> TitleView:
    """Hide a title. Repeating it changes nothing."""
    return _tagged(await titles.unpublish(ctx, title=title), response)


async def _picture(request: Request) -> bytes:
    """The body, which is not read further than a picture may be large."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MAX_BYTES:
            raise PictureTooLarge(field="body")
    return bytes(data)


@router.put("/{title}/artwork", openapi_extra={"requestBody": {"content": {"image/*": {}}, "required": True}})
async def illustrate(
    *,
    title: TitleId,
    ctx: SignedIn,
    titles: Provided[TitleService],
    picture: Annotated[bytes, Depends(_picture)],
    response: Response,
) -> TitleView:
    """Give the title an own picture: the body is a JPEG, PNG or WebP file of at most 8 MiB."""
    return _tagged(await titles.illustrate(ctx, title=title, picture=picture), response)


@router.get("/{title}/poster", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
async def poster(
    title: TitleId,
    ctx: Visitor,
    titles: Provided[TitleService],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The title's picture: its artwork, else a frame of the film."""
    key = await titles.poster(ctx, title=title)
    headers = {"etag": etag_of(key), "cache-control": _POSTER_CACHE}  # another picture has another key
    if is_not_modified(if_none_match, etag=headers["etag"]):
        return Response(status_code=304, headers=headers)
    return Response(await titles.picture(key), media_type="image/jpeg", headers=headers)


def _tagged(title: Title, response: Response) -> TitleView:
    response.headers["etag"] = etag_of_title(title)
    return TitleView.of(title)
