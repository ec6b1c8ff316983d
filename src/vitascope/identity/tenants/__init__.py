"""Tenants: who shares the platform, their hosts, settings and quotas, and the log of what was done.

Owns `identity_tenants`: `tenants`, `hosts`, `quotas`, `audit`. Sends `TenantCreated`, `TenantChanged`.
Hears nothing.
"""
