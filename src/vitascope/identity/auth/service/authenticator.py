"""Who sends a request: the port of the foundation, answered by tenants, tokens and keys."""

from vitascope.foundation.context import ANONYMOUS, Context, Principal, TenantId
from vitascope.identity.auth.service.api_keys import PREFIX, ApiKeyBearers
from vitascope.identity.auth.service.tokens import AccessTokens
from vitascope.identity.tenants.contracts import Tenants


class RequestAuthenticator:
    """Implements `foundation.http.auth.Authenticator`; in the usual case it asks nobody."""

    def __init__(self, *, tenants: Tenants, access: AccessTokens, keys: ApiKeyBearers) -> None:
        self._tenants, self._access, self._keys = tenants, access, keys

    async def context(self, *, host: str, credential: str | None, trace: str | None) -> Context:
        """The context of a request to this host; a credential of another tenant is none here."""
        tenant = await self._tenants.of_host(host=host)
        principal = ANONYMOUS if credential is None else await self._principal(tenant.id, credential)
        return Context(tenant=tenant.id, principal=principal, trace=trace)

    async def _principal(self, tenant: TenantId, credential: str) -> Principal:
        if credential.startswith(PREFIX):
            return await self._keys.read(credential, tenant=tenant)
        return await self._access.read(credential, tenant=tenant)
