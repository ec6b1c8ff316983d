"""Two houses on one platform, each with people of every role and one of each thing that has an id."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import pytest

from vitascope.foundation.context import PLATFORM, Context, Principal
from vitascope.foundation.storage.keys import ObjectKey, ObjectPrefix
from vitascope.foundation.storage.objects import Objects
from vitascope.identity.auth.contracts import Tokens
from vitascope.identity.auth.service.api_keys import ApiKeyService
from vitascope.identity.auth.service.sessions import SessionService
from vitascope.identity.tenants.contracts import Tenant
from vitascope.identity.tenants.service import AuditService, TenantService
from vitascope.identity.users.contracts import Account, Permission, Role, permissions_of
from vitascope.identity.users.service.accounts import AccountService
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.contracts import Job
from vitascope.transcoding.jobs.events import JobCompleted
from vitascope.transcoding.jobs.service.jobs import JobService
from vitascope.video.catalog.contracts import Title, TitleChanges
from vitascope.video.catalog.service.films import FilmService
from vitascope.video.catalog.service.titles import TitleService
from vitascope.video.streaming.contracts import Playback
from vitascope.video.streaming.service.playback import StreamingService
from vitascope.video.upload.contracts import Upload
from vitascope.video.upload.events import UploadCompleted
from vitascope.video.upload.service.uploads import NewUpload, UploadService

T = TypeVar("T")

PASSWORD = "correct horse battery"
HOME_HOST, OTHER_HOST = "testserver", "other.example"


@dataclass(frozen=True, kw_only=True)
class House:
    """A tenant, its people by role, and what belongs to its owner; `secrets` opens nothing elsewhere.

    `shown` is published, `draft` is not; `canary` stands in every name that is given to anything.
    """

    host: str
    canary: str
    tenant: Tenant
    people: Mapping[Role, Account]
    tokens: Mapping[Role, Tokens]
    upload: Upload
    job: Job
    shown: Title
    draft: Title
    playback: Playback
    key_id: str
    key_secret: str

    def context(self, role: Role) -> Context:
        """The context of the account of this role."""
        principal = Principal(
            account=self.people[role].id, permissions=frozenset(map(str, permissions_of(role)))
        )
        return Context(tenant=self.tenant.id, principal=principal)

    def headers(self, role: Role | None) -> dict[str, str]:
        """What a client of this role sends, or with None one that has not signed in."""
        signed_in = {"authorization": f"Bearer {self.tokens[role].access_token}"} if role else {}
        return {"host": self.host, **signed_in}

    @property
    def ids(self) -> Mapping[str, str]:
        """The ids of its things, by the names that routes give them."""
        return {
            "account": self.people[Role.OWNER].id,
            "key": self.key_id,
            "upload": self.upload.id,
            "job": self.job.id,
            "title": self.shown.id,
        }


class Builder:
    """Furnishes houses through the services, as people would."""

    def __init__(self, platform: PlatformUnderTest) -> None:
        self._platform = platform

    async def house(self, *, host: str, canary: str) -> House:
        """A house that is reached at this host."""
        tenant = await self._tenant(host, canary)
        people = {role: await self._person(tenant, role, canary) for role in Role}
        tokens = {role: await self._signed_in(tenant, people[role]) for role in Role}
        owner = Principal(account=people[Role.OWNER].id, permissions=frozenset(map(str, Permission)))
        ctx = Context(tenant=tenant.id, principal=owner)
        upload = await self._get(UploadService).create(
            ctx, new=NewUpload(length=10, filename=f"{canary}.mp4", title=canary)
        )
        job, shown = await self._film(ctx, f"{canary} shown", published=True)
        _, draft = await self._film(ctx, f"{canary} draft", published=False)
        made = await self._get(ApiKeyService).create(
            ctx, name=canary, permissions=list(Permission), expires_at=None
        )
        await self._get(AuditService).record(ctx, action="canary.sing", subject=canary, detail={})
        return House(
            host=host,
            canary=canary,
            tenant=tenant,
            people=people,
            tokens=tokens,
            upload=upload,
            job=job,
            shown=shown,
            draft=draft,
            playback=await self._get(StreamingService).open(ctx, title=shown.id),
            key_id=made.key.id,
            key_secret=made.secret,
        )

    async def _tenant(self, host: str, canary: str) -> Tenant:
        tenants = self._get(TenantService)
        if host == HOME_HOST:
            return await tenants.ensure_default(name=canary)
        return await tenants.create(slug="other", name=canary, hosts=[host], settings={"sign_up": "open"})

    async def _person(self, tenant: Tenant, role: Role, canary: str) -> Account:
        ctx = Context(tenant=tenant.id, principal=PLATFORM)
        email = f"{canary}-{role.value}@example.org"
        return await self._get(AccountService).create(
            ctx, email=email, password=PASSWORD, name=canary, role=role
        )

    async def _signed_in(self, tenant: Tenant, account: Account) -> Tokens:
        ctx = Context(tenant=tenant.id)
        return await self._get(SessionService).sign_in(
            ctx, email=account.email, password=PASSWORD, address="192.0.2.1"
        )

    async def _film(self, ctx: Context, name: str, *, published: bool) -> tuple[Job, Title]:
        """A film of which every part is there, without an encoder."""
        films, titles = self._get(FilmService), self._get(TitleService)
        objects = self._get(Objects)  # type: ignore[type-abstract]  # a port is asked for by its Protocol
        upload = await self._get(UploadService).create(ctx, new=NewUpload(length=0, filename=f"{name}.mp4"))
        source = ObjectKey.of(ctx.tenant, "uploads", upload.id, "source")
        await objects.put(source, b"film")
        job = await self._get(JobService).submit(
            ctx, source=source, filename=f"{name}.mp4", key=str(upload.id)
        )
        for file in ("master.m3u8", "pictures/poster.jpg"):
            await objects.put(ObjectPrefix(job.output).key(file), name.encode())
        whole = UploadCompleted(
            upload=upload.id,
            object_key=source,
            filename=f"{name}.mp4",
            size=4,
            owner=ctx.account,
            title=name,
            publish=published,
        )
        done = JobCompleted(job=job.id, source=source, output=job.output, duration=1.0, width=320, height=180)
        async with self._platform.db.transaction(ctx) as tx:
            await films.draft(tx, upload=whole)
            await films.complete(tx, event=done)
        title = (await titles.own(ctx, after=None, limit=1))[0]
        said = TitleChanges(description=name, tags=[name.lower()])
        return job, await titles.edit(ctx, title=title.id, changes=said)

    def _get(self, kind: type[T]) -> T:
        return self._platform.container.get(kind)


@pytest.fixture
async def home(platform: PlatformUnderTest) -> House:
    """The house of every host that is nobody else's."""
    return await Builder(platform).house(host=HOME_HOST, canary="wren")


@pytest.fixture
async def other(platform: PlatformUnderTest, home: House) -> House:
    """Another house, of which those at home may see nothing."""
    return await Builder(platform).house(host=OTHER_HOST, canary="siskin")
