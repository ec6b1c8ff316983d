"""Tenants, as the composition root sees them."""

from vitascope.foundation.module import Module
from vitascope.identity.tenants.contracts import Audit, TenantAdministration, Tenants
from vitascope.identity.tenants.models import schema
from vitascope.identity.tenants.routes import router
from vitascope.identity.tenants.service import AuditService, TenantService, TenantsSettings

module = Module(
    name="identity.tenants",
    package=__package__,
    provides={Tenants: TenantService, TenantAdministration: TenantService, Audit: AuditService},
    routes=router,
    schema=schema,
    settings=TenantsSettings,
)
