"""All SQL of tenants."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from vitascope.foundation.context import TenantId
from vitascope.foundation.db.database import Reader, Transaction
from vitascope.identity.tenants.contracts import AuditEntry, AuditEntryId, Quota, Tenant
from vitascope.identity.tenants.models import audit, hosts, quotas, tenants

_TENANT = (
    tenants.c.tenant_id,
    tenants.c.slug,
    tenants.c.name,
    tenants.c.settings,
    tenants.c.version,
)
_ENTRY = (audit.c.id, audit.c.at, audit.c.account, audit.c.action, audit.c.subject, audit.c.detail)


async def of_host(connection: AsyncConnection, *, host: str) -> Tenant | None:
    """The tenant of the host, else the default one; needs the platform's role, as none is known yet."""
    by_host = select(hosts.c.tenant_id).where(hosts.c.host == host).scalar_subquery()
    default = select(tenants.c.tenant_id).where(tenants.c.is_default).scalar_subquery()
    found = select(*_TENANT).where(tenants.c.tenant_id == func.coalesce(by_host, default))
    return _tenant((await connection.execute(found)).first())


async def default(connection: AsyncConnection) -> Tenant | None:
    """The default tenant; needs the platform's role."""
    return _tenant((await connection.execute(select(*_TENANT).where(tenants.c.is_default))).first())


async def get(reader: Reader, *, tenant: TenantId) -> Tenant | None:
    """One tenant."""
    return _tenant(await reader.first(select(*_TENANT).where(tenants.c.tenant_id == tenant)))


async def add(tx: Transaction, *, tenant: Tenant, at: datetime, is_default: bool) -> bool:
    """Add the tenant of the transaction's context; tell whether its slug (and the default) was free."""
    added = (
        upsert(tenants)
        .values(
            tenant_id=tenant.id,
            slug=tenant.slug,
            name=tenant.name,
            settings=dict(tenant.settings),
            is_default=is_default,
            created_at=at,
        )
        .on_conflict_do_nothing()
    )
    return await tx.execute(added) == 1


async def add_hosts(tx: Transaction, *, names: Sequence[str]) -> bool:
    """Add hosts; tell whether all were free."""
    added = upsert(hosts).values([{"host": name} for name in names]).on_conflict_do_nothing()
    return await tx.execute(added) == len(names)


async def change(tx: Transaction, *, tenant: Tenant, seen: int) -> Tenant | None:
    """Write name and settings over the version that was seen; None if another has been written since."""
    changed = (
        update(tenants)
        .where(tenants.c.tenant_id == tenant.id, tenants.c.version == seen)
        .values(name=tenant.name, settings=dict(tenant.settings), version=seen + 1)
        .returning(*_TENANT)
    )
    return _tenant(await tx.first(changed))


async def quota(reader: Reader, *, quota: Quota) -> int | None:
    """The tenant's own share, if it has one."""
    own = select(quotas.c.value).where(quotas.c.quota == quota.value)
    value: int | None = await reader.scalar(own)
    return value


async def all_quotas(reader: Reader) -> Mapping[str, int]:
    """Every share that the tenant has of its own."""
    rows = await reader.rows(select(quotas.c.quota, quotas.c.value))
    return {row.quota: row.value for row in rows}


async def set_quota(tx: Transaction, *, quota: Quota, value: int) -> None:
    """Give the tenant a share of its own."""
    given = upsert(quotas).values(quota=quota.value, value=value)
    await tx.execute(given.on_conflict_do_update(constraint="pk_quotas", set_={"value": value}))


async def record(tx: Transaction, *, entry: AuditEntry) -> None:
    """Append to the audit log."""
    await tx.execute(
        insert(audit).values(
            id=entry.id,
            at=entry.at,
            account=entry.account,
            action=entry.action,
            subject=entry.subject,
            detail=dict(entry.detail),
        )
    )


async def entries(reader: Reader, *, before: AuditEntryId | None, limit: int) -> Sequence[AuditEntry]:
    """The newest entries, or those before this one, newest first."""
    newest = select(*_ENTRY).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        newest = newest.where(audit.c.id < before)
    return [AuditEntry(**row._mapping) for row in await reader.rows(newest)]  # noqa: SLF001 - SQLAlchemy's public spelling


def _tenant(row: Row[*tuple[Any, ...]] | None) -> Tenant | None:
    if row is None:
        return None
    return Tenant(id=row.tenant_id, slug=row.slug, name=row.name, settings=row.settings, version=row.version)
