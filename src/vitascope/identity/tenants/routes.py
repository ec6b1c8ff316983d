"""The tenant of this host: its settings, its shares and its audit log, for those who run it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, ConfigDict, Field

from vitascope.foundation.context import AccountId, TenantId
from vitascope.foundation.http.auth import SignedIn
from vitascope.foundation.http.etags import etag_of, require_match
from vitascope.foundation.http.pagination import Page, PagingQuery
from vitascope.foundation.wiring import Provided
from vitascope.identity.tenants.contracts import AuditEntry, AuditEntryId, Tenant
from vitascope.identity.tenants.service import MANAGE_TENANT, NAME_CHARACTERS, AuditService, TenantService

router = APIRouter(prefix="/tenant", tags=["tenant"])

_ORDER = "identity.tenants.audit"


class TenantAnswer(BaseModel):
    """A tenant."""

    id: TenantId
    slug: str
    name: str
    settings: dict[str, str]

    @classmethod
    def of(cls, tenant: Tenant) -> "TenantAnswer":
        """As its owner sees it."""
        return cls(id=tenant.id, slug=tenant.slug, name=tenant.name, settings=dict(tenant.settings))


class TenantChange(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(default=None, min_length=1, max_length=NAME_CHARACTERS)
    settings: dict[str, str] = Field(default_factory=dict, max_length=20)


class AuditAnswer(BaseModel):
    """One thing that somebody did."""

    id: AuditEntryId
    at: datetime
    account: AccountId | None
    action: str
    subject: str
    detail: dict[str, str]

    @classmethod
    def of(cls, entry: AuditEntry) -> "AuditAnswer":
        """As an operator sees it."""
        return cls(
            id=entry.id,
            at=entry.at,
            account=entry.account,
            action=entry.action,
            subject=entry.subject,
            detail=dict(entry.detail),
        )


@router.get("")
async def show(ctx: SignedIn, tenants: Provided[TenantService], response: Response) -> TenantAnswer:
    """The tenant with its settings; its `ETag` goes into the `If-Match` of a change."""
    ctx.require(MANAGE_TENANT)
    tenant = await tenants.current(ctx)
    response.headers["ETag"] = _etag(tenant)
    return TenantAnswer.of(tenant)


@router.patch("")
async def change(
    *,
    body: TenantChange,
    ctx: SignedIn,
    tenants: Provided[TenantService],
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> TenantAnswer:
    """Rename the tenant or change some of its settings."""
    ctx.require(MANAGE_TENANT)
    seen = await tenants.current(ctx)
    require_match(if_match, etag=_etag(seen))
    tenant = await tenants.change(ctx, seen=seen.version, name=body.name, settings=body.settings)
    response.headers["ETag"] = _etag(tenant)
    return TenantAnswer.of(tenant)


@router.get("/quotas")
async def quotas(ctx: SignedIn, tenants: Provided[TenantService]) -> Mapping[str, int]:
    """How much of each thing the tenant may use."""
    return await tenants.quotas(ctx)


@router.get("/audit")
async def entries(ctx: SignedIn, audit: Provided[AuditService], paging: PagingQuery) -> Page[AuditAnswer]:
    """What was done, newest first."""
    after = paging.after(tuple[UUID], order=_ORDER)
    before = AuditEntryId.of(after[0]) if after else None
    found = await audit.entries(ctx, before=before, limit=paging.limit + 1)
    return Page[AuditAnswer].cut(
        found, limit=paging.limit, order=_ORDER, key=lambda entry: (entry.id.uuid,), item=AuditAnswer.of
    )


def _etag(tenant: Tenant) -> str:
    return etag_of(tenant.id, tenant.version)
