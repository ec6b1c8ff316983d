"""What tenants tell."""

from vitascope.foundation.context import TenantId
from vitascope.foundation.events.types import event


@event("identity.tenants.tenant_created", version=1)
class TenantCreated:
    """A tenant has its place on the platform."""

    tenant: TenantId
    slug: str


@event("identity.tenants.tenant_changed", version=1)
class TenantChanged:
    """A tenant has another name or other settings."""

    tenant: TenantId
