"""Access tokens: made for ten minutes, read on every request."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from joserfc.jwk import OKPKey

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import AccountId, Principal, TenantId
from vitascope.foundation.module import Platform
from vitascope.identity.auth.adapters import jose
from vitascope.identity.auth.adapters.jose import Forged
from vitascope.identity.auth.contracts import SessionEnded, SessionId
from vitascope.identity.auth.service.keyring import KeyRing
from vitascope.identity.auth.service.settings import AuthSettings
from vitascope.identity.users.contracts import Account, Role, permissions_of

AUDIENCE = "vitascope"
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bearer:
    """Whose token it is, and until when."""

    tenant: TenantId
    principal: Principal
    until: float


class AccessTokens:
    """Issues and reads access tokens (RFC 9068)."""

    def __init__(self, *, keys: KeyRing, clock: Clock, platform: Platform, settings: AuthSettings) -> None:
        self._keys, self._clock, self._issuer = keys, clock, platform.public_url
        self._lifetime = timedelta(minutes=settings.access_minutes)
        self._read: OrderedDict[bytes, _Bearer] = OrderedDict()

    async def issue(self, *, tenant: TenantId, account: Account, session: SessionId) -> tuple[str, datetime]:
        """A token for the account, and the instant from which it is refused."""
        signer = await self._keys.signer()
        now = self._clock.now()
        until = now + self._lifetime
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "client_id": AUDIENCE,
            "sub": str(account.id),
            "tenant": str(tenant),
            "role": account.role.value,
            "sid": str(session),
            "jti": uuid4().hex,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int(until.timestamp()),
        }
        return jose.sign(claims, kid=signer.kid, key=signer.key), until.replace(microsecond=0)

    async def read(self, token: str, *, tenant: TenantId) -> Principal:
        """Who bears the token; raises `SessionEnded` unless it is ours, for this tenant, and for now.

        A signature is verified once: until it expires the token is known by its hash.
        """
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        bearer = self._read.get(digest)
        if bearer is None:
            bearer = await self._verified(token)
            self._remember(digest, bearer)
        if bearer.tenant != tenant or self._clock.now().timestamp() >= bearer.until:
            raise SessionEnded
        return bearer.principal

    async def _verified(self, token: str) -> _Bearer:
        try:
            key = await self._key(jose.kid_of(token))
            now = int(self._clock.now().timestamp())
            claims = jose.claims_of(token, key=key, now=now, issuer=self._issuer, audience=AUDIENCE)
            return _Bearer(
                tenant=TenantId(claims["tenant"]),
                principal=Principal(
                    account=AccountId(claims["sub"]), permissions=permissions_of(Role(claims["role"]))
                ),
                until=float(claims["exp"]),
            )
        except (Forged, KeyError, ValueError, AttributeError) as error:
            raise SessionEnded from error

    async def _key(self, kid: str) -> OKPKey:
        key = await self._keys.verifier(kid)
        if key is None:
            raise Forged
        return key

    def _remember(self, digest: bytes, bearer: _Bearer) -> None:
        self._read[digest] = bearer
        if len(self._read) > _REMEMBERED:
            self._read.popitem(last=False)
