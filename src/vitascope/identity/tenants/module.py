"""Tenants, as the composition root sees them."""

from vitascope.foundation.module import Module
from vitascope.foundation.wiring import Container
from vitascope.identity.tenants.contracts import Audit, TenantAdministration, Tenants
from vitascope.identity.tenants.models import schema
from vitascope.identity.tenants.routes import router
from vitascope.identity.tenants.service import AuditService, TenantService, TenantsSettings


async def _prepare(container: Container) -> None:
    """A first start makes the tenant of all hosts that belong to nobody else."""
    await container.get(TenantService).ensure_default()


module = Module(
    name="identity.tenants",
    package=__package__,
    provides={Tenants: TenantService, TenantAdministration: TenantService, Audit: AuditService},
    routes=router,
    schema=schema,
    prepare=_prepare,
    settings=TenantsSettings,
)
