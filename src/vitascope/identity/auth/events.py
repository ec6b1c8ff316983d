"""What sign-in tells."""

from collections.abc import Sequence

from vitascope.foundation.context import AccountId
from vitascope.foundation.events.types import event
from vitascope.identity.auth.contracts import ApiKeyId, SessionId


@event("identity.auth.session_started", version=1)
class SessionStarted:
    """Somebody signed in."""

    session: SessionId
    account: AccountId


@event("identity.auth.session_revoked", version=1)
class SessionRevoked:
    """A session has ended before its time: `signed_out` or `refresh_token_reused`."""

    session: SessionId
    account: AccountId
    reason: str


@event("identity.auth.api_key_created", version=1)
class ApiKeyCreated:
    """An account has a new API key with these permissions."""

    key: ApiKeyId
    account: AccountId
    permissions: Sequence[str]


@event("identity.auth.api_key_revoked", version=1)
class ApiKeyRevoked:
    """An API key works no more."""

    key: ApiKeyId
    account: AccountId
