"""A house to try the pages in: every service that they ask, held in memory behind its contract."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import httpx
from fastapi import FastAPI
from starlette.types import Message

from vitascope.console.theatre.app import pages
from vitascope.console.theatre.live import Feed, Fragments
from vitascope.foundation.context import ANONYMOUS, AccountId, Context, Principal, TenantId
from vitascope.foundation.errors import Invalid, PreconditionFailed, Unauthenticated
from vitascope.foundation.http import problems
from vitascope.foundation.http.auth import Authenticator
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.wiring import Container
from vitascope.identity.auth.contracts import STRICT, RefreshedMeanwhile, SessionEnded, Sessions, Tokens
from vitascope.identity.users.contracts import (
    Account,
    Accounts,
    NoSuchAccount,
    Permission,
    Role,
    VerificationExpired,
    WrongCredentials,
)
from vitascope.transcoding.jobs.contracts import Job, JobId, JobIsFinal, Jobs, JobState, NoSuchJob
from vitascope.video.catalog.contracts import (
    NoSuchTitle,
    Title,
    TitleChanges,
    TitleId,
    TitleNotReady,
    Titles,
    TitleState,
    Visibility,
)
from vitascope.video.streaming.contracts import Playback, PlaybackId, Streaming
from vitascope.video.viewing.contracts import ViewCount, Views

HOST = "theatre.example"
BEGINNING = datetime(2026, 11, 22, 12, tzinfo=UTC)
UPLOADER = frozenset({Permission.WATCH, Permission.UPLOAD, Permission.EDIT_OWN_TITLES})
VERIFICATION = "the-token-in-the-mail"

_ids = RandomIds()


@dataclass
class People:
    """Accounts and sessions: an `Authenticator`, `Accounts` and `Sessions` in one."""

    tenant: TenantId
    passwords: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, AccountId] = field(default_factory=dict)
    access: dict[str, AccountId] = field(default_factory=dict)
    refreshable: dict[str, AccountId] = field(default_factory=dict)
    traded: set[str] = field(default_factory=set)
    lifetime: timedelta = timedelta(minutes=10)

    def add(self, email: str, password: str) -> AccountId:
        """Somebody who can sign in."""
        self.passwords[email] = password
        self.accounts[email] = _ids.new(AccountId)
        return self.accounts[email]

    async def context(self, *, host: str, credential: str | None, trace: str | None) -> Context:
        """The context of whoever holds the token."""
        del host, trace
        if credential is None:
            return Context(tenant=self.tenant, principal=ANONYMOUS)
        if credential not in self.access:
            raise Unauthenticated
        principal = Principal(account=self.access[credential], permissions=UPLOADER)
        return Context(tenant=self.tenant, principal=principal)

    async def sign_up(
        self, ctx: Context, *, email: str, password: str, name: str, address: str | None = None
    ) -> None:
        """Refuse what the real one refuses first, so that the form has something to show."""
        if len(password) < 10:
            raise Invalid("A password has at least 10 characters.", field="password")
        self.add(email, password)

    async def verify(self, ctx: Context, *, token: str) -> Account:
        """Take the one token that there is."""
        if token != VERIFICATION:
            raise VerificationExpired
        email, account = next(iter(self.accounts.items()))
        return Account(id=account, email=email, name="", role=Role.EDITOR)

    async def create(self, ctx: Context, *, email: str, password: str, name: str, role: Role) -> Account:
        """Make an account at once."""
        return Account(id=self.add(email, password), email=email, name=name, role=role)

    async def check(self, ctx: Context, *, email: str, password: str) -> Account:
        """The account with this password."""
        if self.passwords.get(email) != password:
            raise WrongCredentials
        return Account(id=self.accounts[email], email=email, name="", role=Role.EDITOR)

    async def get(self, ctx: Context, *, account: AccountId) -> Account:
        """Nobody is asked for by id here."""
        raise NoSuchAccount

    async def names(self, ctx: Context, *, accounts: Sequence[AccountId]) -> Mapping[AccountId, str]:
        """Nobody has a name here."""
        return {}

    async def sign_in(self, ctx: Context, *, email: str, password: str, address: str) -> Tokens:
        """New tokens for whoever knows the password."""
        account = await self.check(ctx, email=email, password=password)
        return self.tokens(account.id)

    async def refresh(self, ctx: Context, *, refresh_token: str, grace: timedelta = STRICT) -> Tokens:
        """Trade the token, once."""
        account = self.refreshable.pop(refresh_token, None)
        if account is None:
            raise RefreshedMeanwhile if grace and refresh_token in self.traded else SessionEnded
        self.traded.add(refresh_token)
        return self.tokens(account)

    async def sign_out(self, ctx: Context, *, refresh_token: str) -> None:
        """End the session."""
        self.refreshable.pop(refresh_token, None)

    def tokens(self, account: AccountId) -> Tokens:
        """A new pair of tokens."""
        number = len(self.access)
        self.access[f"access-{number}"] = account
        self.refreshable[f"refresh-{number}"] = account
        now = datetime.now(UTC)
        return Tokens(
            access_token=f"access-{number}",
            expires_at=now + self.lifetime,
            refresh_token=f"refresh-{number}",
            refresh_expires_at=now + timedelta(days=30),
        )


@dataclass
class Films:
    """Titles and their jobs: `Titles` and `Jobs` in one."""

    titles: dict[TitleId, Title] = field(default_factory=dict)
    jobs: dict[JobId, Job] = field(default_factory=dict)

    def add(self, owner: AccountId, name: str = "The Kiss", *, state: TitleState = TitleState.READY) -> Title:
        """A title that was published if it is ready, and the job behind it."""
        job = _job(owner, state)
        ready = state is TitleState.READY
        title = Title(
            id=_ids.new(TitleId), name=name, description="", tags=(), people=(),
            visibility=Visibility.PUBLIC, state=state, published_at=BEGINNING if ready else None,
            created_at=BEGINNING, owner=owner, job=job.id, output=job.output if ready else None,
            duration=30.0 if ready else None, width=1920, height=1080, artwork=None, problem=job.problem,
            version=1,
        )  # fmt: skip
        self.titles[title.id], self.jobs[job.id] = title, job
        return title

    def change(self, title: TitleId, **values: object) -> None:
        """Let something about a title be different."""
        self.titles[title] = replace(self.titles[title], **values)  # type: ignore[arg-type]  # a test names fields

    def progress(self, title: TitleId, part: float) -> None:
        """Let its job be this far."""
        job = self.jobs[self.titles[title].job]  # type: ignore[index]  # titles made here have a job
        self.jobs[job.id] = replace(job, state=JobState.PROCESSING, progress=part, stage="encode")

    def titled(self, ctx: Context, title: TitleId) -> Title:
        """The title if the principal may see it."""
        found = self.titles.get(title)
        if found is None or not (found.published_at or found.owner == ctx.principal.account):
            raise NoSuchTitle
        return found

    def own_title(self, ctx: Context, title: TitleId) -> Title:
        """The title if it is the principal's."""
        if self.titled(ctx, title).owner != ctx.account:
            raise NoSuchTitle
        return self.titles[title]


class FilmTitles(Films):
    """The catalog."""

    async def get(self, ctx: Context, *, title: TitleId) -> Title:
        """The title."""
        return self.titled(ctx, title)

    async def require_playable(self, ctx: Context, *, title: TitleId) -> Title:
        """The title, once it is ready."""
        found = self.titled(ctx, title)
        if found.state is not TitleState.READY:
            raise TitleNotReady
        return found

    async def published(self, ctx: Context, *, after: TitleId | None, limit: int) -> Sequence[Title]:
        """What is public, newest first."""
        shown = [one for one in self._newest() if one.published_at and one.visibility is Visibility.PUBLIC]
        return _page(shown, after, limit)

    async def own(self, ctx: Context, *, after: TitleId | None, limit: int) -> Sequence[Title]:
        """What belongs to the account, newest first."""
        return _page([one for one in self._newest() if one.owner == ctx.account], after, limit)

    async def publish(self, ctx: Context, *, title: TitleId) -> Title:
        """Show it."""
        if self.own_title(ctx, title).state is not TitleState.READY:
            raise TitleNotReady
        self.change(title, published_at=BEGINNING)
        return self.titles[title]

    async def unpublish(self, ctx: Context, *, title: TitleId) -> Title:
        """Hide it."""
        self.own_title(ctx, title)
        self.change(title, published_at=None)
        return self.titles[title]

    async def edit(self, ctx: Context, *, title: TitleId, changes: TitleChanges, version: int) -> Title:
        """Change it, if it is still at this version."""
        found = self.own_title(ctx, title)
        if found.version != version:
            raise PreconditionFailed
        if changes.name == "":
            raise Invalid("A title has a name.", field="name")
        said = {name: value for name in ("name", "description", "tags", "visibility")
                if (value := getattr(changes, name)) is not None}  # fmt: skip
        self.change(title, version=version + 1, **said)
        return self.titles[title]

    async def remove(self, ctx: Context, *, title: TitleId) -> None:
        """Remove it."""
        self.own_title(ctx, title)
        del self.titles[title]

    def _newest(self) -> list[Title]:
        return sorted(self.titles.values(), key=lambda title: title.id, reverse=True)


@dataclass
class FilmJobs:
    """Transcoding."""

    films: Films

    async def submit(self, ctx: Context, *, source: str, filename: str, key: str) -> Job:
        """Nothing is submitted from a page."""
        raise NotImplementedError

    async def get(self, ctx: Context, *, job: JobId) -> Job:
        """The job, if it is the account's."""
        found = self.films.jobs.get(job)
        if found is None or found.owner != ctx.account:
            raise NoSuchJob
        return found

    async def find(
        self, ctx: Context, *, state: JobState | None, after: JobId | None, limit: int
    ) -> Sequence[Job]:
        """The account's jobs, newest first."""
        own = [job for job in self.films.jobs.values() if job.owner == ctx.account]
        return sorted(own, key=lambda job: job.id, reverse=True)[:limit]

    async def cancel(self, ctx: Context, *, job: JobId) -> Job:
        """Stop it."""
        found = await self.get(ctx, job=job)
        if found.state not in {JobState.PENDING, JobState.PROCESSING}:
            raise JobIsFinal
        self.films.jobs[job] = replace(found, state=JobState.CANCELLED)
        return self.films.jobs[job]

    async def retry(self, ctx: Context, *, job: JobId) -> Job:
        """Begin again."""
        self.films.jobs[job] = replace(await self.get(ctx, job=job), state=JobState.PENDING, progress=0)
        return self.films.jobs[job]


@dataclass
class Screen:
    """Streaming and viewing: `media` is where segments come from."""

    titles: FilmTitles
    media: str = ""
    counts_of: dict[TitleId, ViewCount] = field(default_factory=dict)
    opened: int = 0

    async def open(self, ctx: Context, *, title: TitleId) -> Playback:
        """A playback of a title that is ready."""
        found = await self.titles.require_playable(ctx, title=title)
        self.opened += 1
        base = f"{self.media}/media/token-{self.opened}/{found.output}"
        return Playback(
            id=_ids.new(PlaybackId), title=title, hls=f"{base}/master.m3u8", dash=f"{base}/manifest.mpd",
            poster=f"{base}/pictures/poster.jpg", thumbnails=f"{base}/pictures/thumbnails.vtt",
            chapters=f"{base}/chapters/chapters.vtt",
            beacon=f"/beacons/token-{self.opened}", licence=f"/licences/token-{self.opened}",
            expires_at=datetime.now(UTC) + timedelta(hours=6),
        )  # fmt: skip

    async def counts(self, ctx: Context, *, titles: Sequence[TitleId]) -> Mapping[TitleId, ViewCount]:
        """How often they were watched."""
        nobody = ViewCount(views=0, watching=0)
        return {title: self.counts_of.get(title, nobody) for title in titles}


class House:
    """All of it, with the pages in front."""

    def __init__(self, *, feed_interval: float = 0.01) -> None:
        self.people = People(tenant=_ids.new(TenantId))
        self.films = FilmTitles()
        self.jobs = FilmJobs(films=self.films)
        self.screen = Screen(titles=self.films)
        self.container = Container()
        held = {
            Authenticator: self.people, Accounts: self.people, Sessions: self.people, Titles: self.films,
            Jobs: self.jobs, Streaming: self.screen, Views: self.screen,
            Feed: Feed(interval=feed_interval),
        }  # fmt: skip
        for kind, instance in held.items():
            self.container.put(kind, instance)

    def app(self) -> FastAPI:
        """The pages behind an application that has a route of its own."""
        app = FastAPI(openapi_url=None)
        app.state.container = self.container
        app.add_api_route("/api/v1/titles", lambda: {"items": []})
        app.router.routes.extend(pages(self.container))
        problems.install(app)
        return app

    async def watch(self, address: str, account: AccountId | None = None) -> AsyncGenerator[Fragments]:
        """The fragments of a live address, one dictionary a message."""
        sent: asyncio.Queue[bytes] = asyncio.Queue()
        gone = asyncio.Event()
        watching = asyncio.create_task(self._serve(address, account, sent=sent, gone=gone))
        try:
            while True:
                yield _parse((await sent.get()).decode())
        finally:
            gone.set()
            await watching

    async def _serve(
        self, address: str, account: AccountId | None, *, sent: asyncio.Queue[bytes], gone: asyncio.Event
    ) -> None:
        """Answer a stream's request, which httpx's transport would only give when it is whole."""
        path, _, query = address.partition("?")
        cookie = f"vitascope_session={self.people.tokens(account).access_token}" if account else ""
        headers = [(b"host", HOST.encode()), (b"accept", b"text/event-stream"), (b"cookie", cookie.encode())]
        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "root_path": "",
            "query_string": query.encode(), "headers": headers, "scheme": "http", "http_version": "1.1",
            "client": ("127.0.0.1", 1), "server": (HOST, 80), "asgi": {"version": "3.0"},
        }  # fmt: skip
        asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Message:
            if (request := next(asked, None)) is not None:
                return request
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message.get("body"):
                sent.put_nowait(message["body"])

        await self.app()(scope, receive, send)

    def browser(self, account: AccountId | None = None) -> httpx.AsyncClient:
        """A browser, signed in as somebody or as nobody."""
        transport = httpx.ASGITransport(self.app(), raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}", headers=BROWSER)
        if account is not None:
            sign_in(client, self.people.tokens(account))
        return client


BROWSER = {"accept": "text/html,application/xhtml+xml", "sec-fetch-site": "same-origin"}


def sign_in(client: httpx.AsyncClient, tokens: Tokens) -> None:
    """Let the browser hold the cookies of these tokens."""
    client.cookies.set("vitascope_session", tokens.access_token, domain=HOST, path="/")
    client.cookies.set("vitascope_refresh", tokens.refresh_token, domain=HOST, path="/session")
    client.cookies.set("vitascope_returning", "0", domain=HOST, path="/")


def _job(owner: AccountId, state: TitleState) -> Job:
    states = {
        TitleState.READY: JobState.COMPLETED,
        TitleState.PROCESSING: JobState.PENDING,
        TitleState.FAILED: JobState.FAILED,
    }
    identity = _ids.new(JobId)
    problem = {"detail": "The file has no picture."} if state is TitleState.FAILED else None
    return Job(
        id=identity, state=states[state], filename="film.mp4", source="source",
        output=f"renditions/{identity}", owner=owner, attempt=1, progress=0.0,
        stage=None, created_at=BEGINNING, started_at=None, finished_at=None, duration=None,
        renditions=(), problem=problem,
    )  # fmt: skip


def _parse(text: str) -> Fragments:
    """The events of a piece of a stream, by their names."""
    events = [block.splitlines() for block in text.split("\n\n") if block.startswith("event: ")]
    return {
        lines[0].removeprefix("event: "): "\n".join(line.removeprefix("data: ") for line in lines[1:])
        for lines in events
    }


def _page(titles: list[Title], after: TitleId | None, limit: int) -> list[Title]:
    return [title for title in titles if after is None or title.id < after][:limit]
