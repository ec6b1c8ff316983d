"""Uploading films, and what becomes of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from vitascope.console.theatre.guests import Member
from vitascope.console.theatre.live import Feed, Fragments, stream
from vitascope.console.theatre.pages import fragment, render
from vitascope.console.theatre.routes.titles import done
from vitascope.foundation.context import Context
from vitascope.foundation.wiring import Provided
from vitascope.identity.users.contracts import Permission
from vitascope.transcoding.jobs.contracts import Job, JobId, Jobs
from vitascope.video.catalog.contracts import Title, TitleId, Titles

PAGE_SIZE = 24
JOBS_SHOWN = 50

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A row of the list: a title with the job that makes it playable, as long as that is of interest."""

    title: Title
    job: Job | None


@router.get("/upload")
async def upload_page(request: Request, ctx: Member) -> Response:
    """Where films are dropped; the browser sends them to the upload service in pieces (tus)."""
    ctx.require(Permission.UPLOAD)
    return render(request, "upload.html", ctx=ctx)


@router.get("/uploads")
async def own_films(
    *,
    request: Request,
    ctx: Member,
    titles: Provided[Titles],
    jobs: Provided[Jobs],
    after: TitleId | None = None,
) -> Response:
    """The account's films, newest first, with what can be done about each."""
    ctx.require(Permission.UPLOAD)
    films, more = await _films(ctx, titles, jobs, after=after)
    return render(request, "uploads.html", ctx=ctx, films=films, more=more, known=_listed(films))


@router.get("/uploads/list")
async def own_films_again(ctx: Member, titles: Provided[Titles], jobs: Provided[Jobs]) -> Response:
    """The list alone with a stream of its own, for a page on which a film has come or gone."""
    ctx.require(Permission.UPLOAD)
    films, _ = await _films(ctx, titles, jobs, after=None)
    page = fragment("_films.html", films=films, known=_listed(films))
    return HTMLResponse(page, headers={"Cache-Control": "no-store"})


@router.get("/uploads/live")
async def live(
    *, ctx: Member, titles: Provided[Titles], jobs: Provided[Jobs], feed: Provided[Feed], known: str = ""
) -> Response:
    """How the films come along, piece by piece; `known` is the list that the page already shows."""
    ctx.require(Permission.UPLOAD)

    async def poll() -> Fragments:
        films, _ = await _films(ctx, titles, jobs, after=None)
        return _fragments(films)

    return stream(feed.watch(("films", ctx.tenant, ctx.account), poll=poll, seen={"listed": known}))


@router.post("/uploads/jobs/{job}/cancel")
async def cancel(request: Request, job: JobId, ctx: Member, jobs: Provided[Jobs]) -> Response:
    """Stop making a film playable."""
    await jobs.cancel(ctx, job=job)
    return done(request)


@router.post("/uploads/jobs/{job}/retry")
async def retry(request: Request, job: JobId, ctx: Member, jobs: Provided[Jobs]) -> Response:
    """Try again, from where it stopped."""
    await jobs.retry(ctx, job=job)
    return done(request)


async def _films(
    ctx: Context, titles: Titles, jobs: Jobs, *, after: TitleId | None
) -> tuple[Sequence[Film], TitleId | None]:
    found = await titles.own(ctx, after=after, limit=PAGE_SIZE + 1)
    recent = {job.id: job for job in await jobs.find(ctx, state=None, after=None, limit=JOBS_SHOWN)}
    films = [Film(title=title, job=recent.get(title.job) if title.job else None) for title in found]
    more = films[PAGE_SIZE - 1].title.id if len(films) > PAGE_SIZE else None
    return films[:PAGE_SIZE], more


def _fragments(films: Sequence[Film]) -> Fragments:
    """Which films there are, and of each the pieces that change."""
    fragments = {"listed": _listed(films)}
    for film in films:
        for piece in ("state", "actions", "said"):
            fragments[f"{piece}-{film.title.id}"] = fragment(f"_film_{piece}.html", film=film).strip()
    return fragments


def _listed(films: Sequence[Film]) -> str:
    """A short mark that differs when a film comes, goes or is renamed."""
    names = "\0".join(f"{film.title.id} {film.title.name}" for film in films)
    return hashlib.sha256(names.encode()).hexdigest()[:12]
