"""Sign-in, as the composition root sees it."""

from vitascope.foundation.http.auth import Authenticator
from vitascope.foundation.module import Module
from vitascope.identity.auth.adapters.wrapping import KeyWrap
from vitascope.identity.auth.contracts import Sessions
from vitascope.identity.auth.jobs import forget_sessions, rotate_keys
from vitascope.identity.auth.models import schema
from vitascope.identity.auth.routes import root_routes, router
from vitascope.identity.auth.service.api_keys import ApiKeyBearers, ApiKeyService
from vitascope.identity.auth.service.authenticator import RequestAuthenticator
from vitascope.identity.auth.service.keyring import KeyRing
from vitascope.identity.auth.service.sessions import (
    AddressFingerprints,
    Around,
    SessionJanitor,
    SessionService,
)
from vitascope.identity.auth.service.settings import AuthSettings
from vitascope.identity.auth.service.tokens import AccessTokens
from vitascope.identity.tenants.contracts import Audit, Tenants
from vitascope.identity.users.contracts import Accounts

module = Module(
    name="identity.auth",
    package=__package__,
    provides={Sessions: SessionService, Authenticator: RequestAuthenticator},
    also=(
        AccessTokens,
        AddressFingerprints,
        ApiKeyBearers,
        ApiKeyService,
        Around,
        KeyRing,
        KeyWrap,
        SessionJanitor,
    ),
    needs=(Accounts, Audit, Tenants),
    routes=router,
    hot=root_routes,
    jobs=(rotate_keys, forget_sessions),
    schema=schema,
    settings=AuthSettings,
)
