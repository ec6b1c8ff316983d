"""What others may ask of tenants."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.errors import NotFound


class Quota(StrEnum):
    """What a tenant has a share of."""

    STORAGE_BYTES = "storage_bytes"
    OPEN_UPLOADS = "open_uploads"
    ACTIVE_JOBS = "active_jobs"
    ACCOUNTS = "accounts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A tenant; `settings` are its own switches, such as `{"sign_up": "open"}`."""

    id: TenantId
    slug: str
    name: str
    settings: Mapping[str, str] = field(default_factory=dict)


class NoSuchTenant(NotFound):
    """No tenant lives at this address."""


class Tenants(Protocol):
    """The directory of tenants."""

    async def of_host(self, *, host: str) -> Tenant:
        """The tenant that a host name (port ignored) belongs to, else the default tenant.

        Raises `NoSuchTenant` where no default is set. Answers from a cache.
        """

    async def get(self, ctx: Context) -> Tenant:
        """The context's tenant."""

    async def quota(self, ctx: Context, *, quota: Quota) -> int:
        """How much of something the tenant may use."""


class Audit(Protocol):
    """The append-only log of who did what; nobody can change or delete an entry."""

    async def record(self, ctx: Context, *, action: str, subject: str, detail: Mapping[str, str]) -> None:
        """Add an entry for the context's principal, in a transaction of its own."""
