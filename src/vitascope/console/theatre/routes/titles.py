"""A title's page: the player, what is said of the film, and how often it was watched."""

from http import HTTPStatus
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Form
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from vitascope.console.theatre.guests import Guest, Member
from vitascope.console.theatre.live import Feed, Fragments, stream
from vitascope.console.theatre.pages import fragment, render
from vitascope.foundation.context import Context
from vitascope.foundation.errors import Forbidden, VitascopeError
from vitascope.foundation.wiring import Provided
from vitascope.identity.users.contracts import Permission
from vitascope.video.catalog.contracts import Title, TitleChanges, TitleId, Titles, TitleState, Visibility
from vitascope.video.streaming.contracts import Streaming
from vitascope.video.viewing.contracts import Views

Engine = Literal["auto", "dash"]

router = APIRouter(prefix="/titles")


class TitleForm(BaseModel):
    """What the form of a title sends; `tags` as people write them, parted by commas."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    name: str = ""
    description: str = ""
    tags: str = ""
    visibility: Visibility = Visibility.PUBLIC

    @classmethod
    def of(cls, title: Title) -> Self:
        """The form as it is shown first."""
        return cls(
            version=title.version,
            name=title.name,
            description=title.description,
            tags=", ".join(title.tags),
            visibility=title.visibility,
        )

    def changes(self) -> TitleChanges:
        """As the catalog takes them: each tag once, lines ended as everywhere else."""
        tags = dict.fromkeys(tag.strip() for tag in self.tags.split(",") if tag.strip())
        return TitleChanges(
            name=self.name.strip(),
            description=self.description.replace("\r\n", "\n").strip(),
            tags=tuple(tags),
            visibility=self.visibility,
        )


@router.get("/{title}")
async def show(  # noqa: PLR0913 - three services meet on this page
    *,
    request: Request,
    title: TitleId,
    ctx: Guest,
    titles: Provided[Titles],
    streaming: Provided[Streaming],
    views: Provided[Views],
    engine: Engine = "auto",
) -> Response:
    """The film and its player, or how far it is until it can be played."""
    found = await titles.get(ctx, title=title)
    playback = await streaming.open(ctx, title=title) if found.state is TitleState.READY else None
    counts = await views.counts(ctx, titles=[title])
    said: dict[str, Any] = {
        "title": found,
        "playback": playback,
        "count": counts[title],
        "may_edit": may_edit(ctx, found),
        "engine": engine,
    }
    return render(request, "title.html", ctx=ctx, **said)


@router.get("/{title}/live")
async def live(
    *, title: TitleId, ctx: Guest, titles: Provided[Titles], views: Provided[Views], feed: Provided[Feed]
) -> Response:
    """How many watch, as it changes."""
    await titles.get(ctx, title=title)

    async def poll() -> Fragments:
        counts = await views.counts(ctx, titles=[title])
        return {"views": fragment("_views.html", count=counts[title]).strip()}

    return stream(feed.watch(("views", ctx.tenant, title), poll=poll))


@router.get("/{title}/edit")
async def edit_form(request: Request, title: TitleId, ctx: Member, titles: Provided[Titles]) -> Response:
    """The form of what is said of the film."""
    found = await titles.get(ctx, title=title)
    require_edit(ctx, found)
    return render(request, "edit.html", ctx=ctx, title=found, form=TitleForm.of(found), problem=None)


@router.post("/{title}/edit")
async def edit(
    *,
    request: Request,
    title: TitleId,
    ctx: Member,
    titles: Provided[Titles],
    form: Annotated[TitleForm, Form()],
) -> Response:
    """Change it, unless somebody else has meanwhile."""
    try:
        await titles.edit(ctx, title=title, changes=form.changes(), version=form.version)
    except VitascopeError as problem:
        found = await titles.get(ctx, title=title)
        said = {"title": found, "form": form, "problem": problem}
        return render(request, "edit.html", ctx=ctx, status=int(problem.status), **said)
    return RedirectResponse(f"/titles/{title}", HTTPStatus.SEE_OTHER)


@router.post("/{title}/publish")
async def publish(request: Request, title: TitleId, ctx: Member, titles: Provided[Titles]) -> Response:
    """Show it to everybody whom its visibility allows."""
    await titles.publish(ctx, title=title)
    return done(request)


@router.post("/{title}/unpublish")
async def unpublish(request: Request, title: TitleId, ctx: Member, titles: Provided[Titles]) -> Response:
    """Hide it."""
    await titles.unpublish(ctx, title=title)
    return done(request)


@router.post("/{title}/remove")
async def remove(title: TitleId, ctx: Member, titles: Provided[Titles]) -> Response:
    """Remove it with its renditions, for good."""
    await titles.remove(ctx, title=title)
    return RedirectResponse("/uploads", HTTPStatus.SEE_OTHER)


def done(request: Request) -> Response:
    """The answer to a button: nothing for htmx, whose page is told by its feed; else the list again."""
    if "hx-request" in request.headers:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return RedirectResponse("/uploads", HTTPStatus.SEE_OTHER)


def may_edit(ctx: Context, title: Title) -> bool:
    """Whether the page offers to edit; the catalog decides again."""
    own = title.owner == ctx.principal.account and ctx.principal.may(Permission.EDIT_OWN_TITLES)
    return own or ctx.principal.may(Permission.EDIT_TITLES)


def require_edit(ctx: Context, title: Title) -> None:
    """Raise Forbidden where `may_edit` says no."""
    if not may_edit(ctx, title):
        raise Forbidden("Only whoever uploaded this film may edit it.")
