"""What others may ask of tenants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from vitascope.foundation.context import AccountId, Context, TenantId
from vitascope.foundation.errors import Conflict, Invalid, NotFound
from vitascope.foundation.ids import Id


class AuditEntryId(Id, prefix="aud"):
    """An entry of the audit log; later entries have greater ids."""


class Quota(StrEnum):
    """What a tenant has a share of."""

    STORAGE_BYTES = "storage_bytes"
    OPEN_UPLOADS = "open_uploads"
    ACTIVE_JOBS = "active_jobs"
    ACCOUNTS = "accounts"


class Setting(StrEnum):
    """A tenant's own switches, and what each may be."""

    SIGN_UP = "sign_up"  # open | closed
    NEW_ACCOUNT_ROLE = "new_account_role"  # viewer | customer | editor
    PUBLIC_URL = "public_url"  # where the tenant's people find it, for links in mails


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A tenant; `settings` are its own switches, such as `{"sign_up": "open"}`."""

    id: TenantId
    slug: str
    name: str
    settings: Mapping[str, str] = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to which subject; `account` is None for the platform itself and for strangers."""

    id: AuditEntryId
    at: datetime
    account: AccountId | None
    action: str
    subject: str
    detail: Mapping[str, str]


class NoSuchTenant(NotFound):
    """No tenant lives at this address."""


class TenantExists(Conflict):
    """This short name or host belongs to a tenant already; choose another."""


class BadSetting(Invalid):
    """There is no such setting, or it cannot have this value."""


class Tenants(Protocol):
    """The directory of tenants."""

    async def of_host(self, *, host: str) -> Tenant:
        """The tenant that a host name (port ignored) belongs to, else the default tenant.

        Raises `NoSuchTenant` where no default is set. Answers from a cache.
        """

    async def get(self, ctx: Context) -> Tenant:
        """The context's tenant. Answers from a cache that may be some seconds old."""

    async def quota(self, ctx: Context, *, quota: Quota) -> int:
        """How much of something the tenant may use."""


class TenantAdministration(Protocol):
    """Making tenants, and what only the platform itself may change of them."""

    async def ensure_default(self, *, name: str = "Vitascope") -> Tenant:
        """The tenant of hosts that belong to nobody else, made when there is none yet."""

    async def create(
        self, *, slug: str, name: str, hosts: Sequence[str] = (), settings: Mapping[str, str] | None = None
    ) -> Tenant:
        """A new tenant; raises `TenantExists` or `BadSetting`."""

    async def set_quota(self, ctx: Context, *, quota: Quota, value: int) -> None:
        """Give the context's tenant another share: asked by the platform only (`Forbidden`)."""

    async def set_settings(self, ctx: Context, *, settings: Mapping[str, str]) -> Tenant:
        """Change these settings and leave the others; needs `identity.tenant.manage`."""


class Audit(Protocol):
    """The append-only log of who did what; nobody can change or delete an entry."""

    async def record(self, ctx: Context, *, action: str, subject: str, detail: Mapping[str, str]) -> None:
        """Add an entry for the context's principal, in a transaction of its own."""

    async def entries(self, ctx: Context, *, before: AuditEntryId | None, limit: int) -> Sequence[AuditEntry]:
        """The newest entries, or those before this one, newest first; needs `platform.operate`."""
