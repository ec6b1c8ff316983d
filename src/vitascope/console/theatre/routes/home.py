"""The front page: what is on."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from vitascope.console.theatre.guests import Guest
from vitascope.console.theatre.pages import render
from vitascope.foundation.wiring import Provided
from vitascope.video.catalog.contracts import TitleId, Titles
from vitascope.video.viewing.contracts import Views

PAGE_SIZE = 24

router = APIRouter()


@router.get("/")
async def home(
    *,
    request: Request,
    ctx: Guest,
    titles: Provided[Titles],
    views: Provided[Views],
    after: TitleId | None = None,
) -> HTMLResponse:
    """Published titles with their posters, newest first, a page at a time."""
    found = await titles.published(ctx, after=after, limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    counts = await views.counts(ctx, titles=[title.id for title in shown]) if shown else {}
    more = shown[-1].id if len(found) > PAGE_SIZE else None
    return render(request, "home.html", ctx=ctx, titles=shown, counts=counts, more=more, first=after is None)
