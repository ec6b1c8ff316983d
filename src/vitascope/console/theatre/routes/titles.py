"""A title's page: the player, what is said of the film, and how often it was watched."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from vitascope.console.theatre.guests import Guest, Member
from vitascope.console.theatre.live import Feed, Fragments, stream
from vitascope.console.theatre.pages import fragment, render
from vitascope.foundation.context import Context
from vitascope.foundation.encoding import to_plain
from vitascope.foundation.errors import Forbidden, VitascopeError
from vitascope.foundation.wiring import Provided
from vitascope.identity.users.contracts import Permission
from vitascope.video.catalog.contracts import Title, TitleChanges, TitleId, Titles, TitleState, Visibility
from vitascope.video.streaming.contracts import Streaming
from vitascope.video.viewing.contracts import Views

Engine = Literal["auto", "dash"]
Field = Annotated[str, Form()]

router = APIRouter(prefix="/titles")


@router.get("/{title}")
async def show(  # noqa: PLR0913 - three services meet on this page
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
    said = {"title": found, "playback": playback, "count": counts[title], "may_edit": may_edit(ctx, found)}
    return render(request, "title.html", ctx=ctx, engine=engine, **said)


@router.post("/{title}/playback")
async def play(title: TitleId, ctx: Guest, streaming: Provided[Streaming]) -> Response:
    """A new playback for a player whose addresses have expired."""
    playback = await streaming.open(ctx, title=title)
    return JSONResponse(to_plain(playback), headers={"Cache-Control": "no-store"})


@router.get("/{title}/live")
async def live(
    title: TitleId, ctx: Guest, titles: Provided[Titles], views: Provided[Views], feed: Provided[Feed]
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
    return render(request, "edit.html", ctx=ctx, title=found, form=_form_of(found), problem=None)


@router.post("/{title}/edit")
async def edit(  # noqa: PLR0913 - a form has as many fields as it has
    request: Request,
    title: TitleId,
    ctx: Member,
    titles: Provided[Titles],
    version: Annotated[int, Form()],
    name: Field = "",
    description: Field = "",
    tags: Field = "",
    visibility: Annotated[Visibility, Form()] = Visibility.PUBLIC,
) -> Response:
    """Change it, unless somebody else has meanwhile."""
    form = {"name": name, "description": description, "tags": tags, "visibility": visibility}
    changes = TitleChanges(
        name=name.strip(), description=description.strip(), tags=_tags(tags), visibility=visibility
    )
    try:
        await titles.edit(ctx, title=title, changes=changes, version=version)
    except VitascopeError as problem:
        return await _edit_again(request, ctx, titles, title=title, form=form, problem=problem)
    return RedirectResponse(f"/titles/{title}", HTTPStatus.SEE_OTHER)


async def _edit_again(
    request: Request,
    ctx: Context,
    titles: Titles,
    *,
    title: TitleId,
    form: dict[str, Any],
    problem: VitascopeError,
) -> Response:
    found = await titles.get(ctx, title=title)
    said = {"title": found, "form": form, "problem": problem}
    return render(request, "edit.html", ctx=ctx, status=int(problem.status), **said)


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


def _form_of(title: Title) -> dict[str, Any]:
    return {
        "name": title.name,
        "description": title.description,
        "tags": ", ".join(title.tags),
        "visibility": title.visibility,
    }


def _tags(text: str) -> tuple[str, ...]:
    """Tags as people write them: parted by commas, each once."""
    return tuple(dict.fromkeys(tag.strip() for tag in text.split(",") if tag.strip()))
