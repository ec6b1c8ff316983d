"""What others may ask of sign-in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from vitascope.foundation.context import AccountId, Context
from vitascope.foundation.errors import Conflict, Forbidden, NotFound, Unauthenticated
from vitascope.foundation.ids import Id

STRICT = timedelta(0)


class SessionId(Id, prefix="ses"):
    """A session: the family of all refresh tokens that come from one sign-in."""


class ApiKeyId(Id, prefix="key"):
    """An API key; its secret part is told once and kept by nobody."""


class SessionEnded(Unauthenticated):
    """This session has ended; sign in again."""


class RefreshedMeanwhile(Conflict):
    """Another request of yours traded this token a moment ago; go on with the tokens that it got."""


class NoSuchApiKey(NotFound):
    """There is no such API key, or it is not yours."""


class TooMuchForKey(Forbidden):
    """A key cannot do what you may not do yourself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a signed-in client holds: a short access token (JWT) and a single-use refresh token."""

    access_token: str
    expires_at: datetime
    refresh_token: str
    refresh_expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key without its secret."""

    id: ApiKeyId
    account: AccountId
    name: str
    hint: str
    permissions: Sequence[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class Sessions(Protocol):
    """Signing in and out."""

    async def sign_in(self, ctx: Context, *, email: str, password: str, address: str) -> Tokens:
        """Start a session from a network address; raises `WrongCredentials` or `TooManyRequests`."""

    async def refresh(self, ctx: Context, *, refresh_token: str, grace: timedelta = STRICT) -> Tokens:
        """Trade a refresh token for new tokens, once; its reuse ends the whole family (`SessionEnded`).

        A browser sends one cookie with several requests at once. Who serves pages gives a short
        `grace`: within it the losers get nothing but `RefreshedMeanwhile`, and the session lives on.
        """

    async def sign_out(self, ctx: Context, *, refresh_token: str) -> None:
        """End the session; an unknown token changes nothing."""
