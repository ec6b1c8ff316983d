"""The rules of tenants: whose host it is, what their switches may be, and what is kept of what was done."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from pydantic import Field

from vitascope.foundation.clock import Clock
from vitascope.foundation.config import Section
from vitascope.foundation.context import PLATFORM, Context, TenantId
from vitascope.foundation.db.database import Database
from vitascope.foundation.errors import Forbidden, Invalid, PreconditionFailed
from vitascope.foundation.ids import Ids
from vitascope.identity.tenants import repository
from vitascope.identity.tenants.contracts import (
    AuditEntry,
    AuditEntryId,
    BadSetting,
    NoSuchTenant,
    Quota,
    Setting,
    Tenant,
    TenantExists,
)
from vitascope.identity.tenants.events import TenantChanged, TenantCreated

MANAGE_TENANT = "identity.tenant.manage"
OPERATE = "platform.operate"
DEFAULT_SLUG = "default"
NAME_CHARACTERS = 200
_REMEMBERED = 4096
K = TypeVar("K")
_SLUG = re.compile(r"[a-z][a-z0-9-]{1,39}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_URL = re.compile(r"https?://[A-Za-z0-9.\-]+(:\d{1,5})?")
_MAY_BE: Mapping[Setting, re.Pattern[str]] = {
    Setting.SIGN_UP: re.compile("open|closed"),
    # nobody becomes an operator or an owner by signing up
    Setting.NEW_ACCOUNT_ROLE: re.compile("viewer|customer|editor"),
    Setting.PUBLIC_URL: _URL,
}


class TenantsSettings(Section):
    """What a tenant has unless it was given another share, and how long its host is remembered."""

    storage_bytes: int = Field(default=500 * 10**9, ge=0, description="a tenant's bytes of film")
    open_uploads: int = Field(default=100, ge=0, description="uploads of a tenant that are not finished")
    active_jobs: int = Field(default=50, ge=0, description="a tenant's transcoding jobs at once")
    accounts: int = Field(default=100_000, ge=0, description="a tenant's accounts")
    cache_seconds: float = Field(
        default=15, ge=0, le=300, description="how long hosts and switches are remembered"
    )


class TenantService:
    """Implements `contracts.Tenants` and `contracts.TenantAdministration`."""

    def __init__(self, *, db: Database, clock: Clock, ids: Ids, settings: TenantsSettings) -> None:
        self._db, self._clock, self._ids, self._settings = db, clock, ids, settings
        self._of_host = Remembered[str](settings.cache_seconds)
        self._of_id = Remembered[TenantId](settings.cache_seconds)

    async def of_host(self, *, host: str) -> Tenant:
        """The tenant that a host name (port ignored) belongs to, else the default tenant."""
        name = bare_host(host)
        known = self._of_host.get(name)
        if known is None:
            async with self._db.system() as connection:
                known = await repository.of_host(connection, host=name)
            if known is None:
                raise NoSuchTenant
            self._of_host.put(name, known)
        return known

    async def get(self, ctx: Context) -> Tenant:
        """The context's tenant. Answers from a cache that may be some seconds old."""
        known = self._of_id.get(ctx.tenant)
        if known is None:
            known = await self.current(ctx)
            self._of_id.put(ctx.tenant, known)
        return known

    async def current(self, ctx: Context) -> Tenant:
        """The context's tenant as it is now."""
        async with self._db.read(ctx) as reader:
            found = await repository.get(reader, tenant=ctx.tenant)
        if found is None:
            raise NoSuchTenant
        return found

    async def quota(self, ctx: Context, *, quota: Quota) -> int:
        """How much of something the tenant may use."""
        async with self._db.read(ctx) as reader:
            own = await repository.quota(reader, quota=quota)
        return self._usual(quota) if own is None else own

    async def quotas(self, ctx: Context) -> Mapping[str, int]:
        """All shares of the tenant; needs `identity.tenant.manage`."""
        ctx.require(MANAGE_TENANT)
        async with self._db.read(ctx) as reader:
            own = await repository.all_quotas(reader)
        return {one.value: own.get(one.value, self._usual(one)) for one in Quota}

    async def ensure_default(self, *, name: str = "Vitascope") -> Tenant:
        """The tenant of hosts that belong to nobody else, made when there is none yet."""
        async with self._db.system() as connection:
            found = await repository.default(connection)
        if found is not None:
            return found
        tenant = Tenant(
            id=self._ids.new(TenantId), slug=DEFAULT_SLUG, name=name, settings={"sign_up": "open"}
        )
        if await self._add(tenant, hosts=(), is_default=True):
            self._forget(tenant.id)
            return tenant
        return await self.ensure_default(name=name)  # another process was first

    async def create(
        self, *, slug: str, name: str, hosts: Sequence[str] = (), settings: Mapping[str, str] | None = None
    ) -> Tenant:
        """A new tenant; raises `TenantExists` or `BadSetting`."""
        if not _SLUG.fullmatch(slug):
            raise Invalid(
                "A short name has 2 to 40 small letters, digits and hyphens, a letter first.", field="slug"
            )
        _check_name(name)
        _check_settings(settings or {})
        names = [_checked_host(one) for one in hosts]
        tenant = Tenant(id=self._ids.new(TenantId), slug=slug, name=name, settings=dict(settings or {}))
        if not await self._add(tenant, hosts=names, is_default=False):
            raise TenantExists(field="slug")
        self._forget(tenant.id)
        return tenant

    async def set_quota(self, ctx: Context, *, quota: Quota, value: int) -> None:
        """Give the context's tenant another share: asked by the platform only (`Forbidden`)."""
        if not ctx.principal.platform:
            raise Forbidden("Only those who run the platform change what a tenant may use.")
        if value < 0:
            raise Invalid("A quota is not negative.", field="value")
        async with self._db.transaction(ctx) as tx:
            await repository.set_quota(tx, quota=quota, value=value)

    async def set_settings(self, ctx: Context, *, settings: Mapping[str, str]) -> Tenant:
        """Change these settings and leave the others; needs `identity.tenant.manage`."""
        tenant = await self.current(ctx)
        return await self.change(ctx, seen=tenant.version, settings=settings)

    async def change(
        self, ctx: Context, *, seen: int, name: str | None = None, settings: Mapping[str, str] | None = None
    ) -> Tenant:
        """Rename the tenant or change settings, unless somebody did since version `seen` was read."""
        ctx.require(MANAGE_TENANT)
        if name is not None:
            _check_name(name)
        _check_settings(settings or {})
        tenant = await self.current(ctx)
        wanted = replace(tenant, name=name or tenant.name, settings={**tenant.settings, **(settings or {})})
        async with self._db.transaction(ctx) as tx:
            changed = await repository.change(tx, tenant=wanted, seen=seen)
            if changed is None:
                raise PreconditionFailed
            tx.emit(TenantChanged(tenant=ctx.tenant), subject=ctx.tenant)
            tx.after_commit(lambda: self._forget(ctx.tenant))
        return changed

    async def _add(self, tenant: Tenant, *, hosts: Sequence[str], is_default: bool) -> bool:
        own = Context(tenant=tenant.id, principal=PLATFORM)
        async with self._db.transaction(own) as tx:
            if not await repository.add(tx, tenant=tenant, at=self._clock.now(), is_default=is_default):
                return False
            if hosts and not await repository.add_hosts(tx, names=hosts):
                raise TenantExists(field="hosts")
            tx.emit(TenantCreated(tenant=tenant.id, slug=tenant.slug), subject=tenant.id)
        return True

    def _usual(self, quota: Quota) -> int:
        usual: int = getattr(self._settings, quota.value)
        return usual

    def _forget(self, tenant: TenantId) -> None:
        self._of_id.forget(tenant)
        self._of_host.clear()  # any host may have led to the default tenant


class AuditService:
    """Implements `contracts.Audit`."""

    def __init__(self, *, db: Database, clock: Clock, ids: Ids) -> None:
        self._db, self._clock, self._ids = db, clock, ids

    async def record(self, ctx: Context, *, action: str, subject: str, detail: Mapping[str, str]) -> None:
        """Add an entry for the context's principal, in a transaction of its own."""
        entry = AuditEntry(
            id=self._ids.new(AuditEntryId),
            at=self._clock.now(),
            account=ctx.principal.account,
            action=action,
            subject=subject,
            detail=detail,
        )
        async with self._db.transaction(ctx) as tx:
            await repository.record(tx, entry=entry)

    async def entries(self, ctx: Context, *, before: AuditEntryId | None, limit: int) -> Sequence[AuditEntry]:
        """The newest entries, or those before this one, newest first; needs `platform.operate`."""
        ctx.require(OPERATE)
        async with self._db.read(ctx) as reader:
            return await repository.entries(reader, before=before, limit=limit)


class Remembered(Generic[K]):
    """Tenants by a key for some seconds: every request asks for one, and they hardly ever change."""

    def __init__(self, seconds: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._now = seconds, now
        self._kept: dict[K, tuple[float, Tenant]] = {}

    def get(self, key: K) -> Tenant | None:
        """What was put there lately."""
        until, tenant = self._kept.get(key, (0.0, None))
        return tenant if self._now() < until else None

    def put(self, key: K, tenant: Tenant) -> None:
        """Remember; the host header is the client's to choose, so the number of keys is bounded."""
        if len(self._kept) >= _REMEMBERED:
            self._kept.clear()
        self._kept[key] = (self._now() + self._seconds, tenant)

    def forget(self, key: K) -> None:
        """Ask again next time."""
        self._kept.pop(key, None)

    def clear(self) -> None:
        """Ask again for all."""
        self._kept.clear()


def bare_host(host: str) -> str:
    """The host name in small letters, without its port and final dot."""
    name = host.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0].lstrip("[")
    return name.partition(":")[0].rstrip(".")


def _checked_host(host: str) -> str:
    name = bare_host(host)
    if not _HOST.fullmatch(name):
        raise Invalid(f"{host[:80]!r} is not a host name.", field="hosts")
    return name


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > NAME_CHARACTERS or not name.isprintable():
        raise Invalid(f"A tenant's name has 1 to {NAME_CHARACTERS} visible characters.", field="name")


def _check_settings(settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        if name not in {one.value for one in Setting}:
            known = ", ".join(Setting)
            raise BadSetting(
                f"There is no setting {name[:40]!r}; there are {known}.", field=f"settings.{name}"
            )
        if not _MAY_BE[Setting(name)].fullmatch(value):
            raise BadSetting(
                f"{name} cannot be {value[:80]!r}; it may be {_MAY_BE[Setting(name)].pattern}.",
                field=f"settings.{name}",
            )
