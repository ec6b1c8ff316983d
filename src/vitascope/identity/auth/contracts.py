"""What others may ask of sign-in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vitascope.foundation.context import Context
from vitascope.foundation.errors import Unauthenticated


class SessionEnded(Unauthenticated):
    """This session has ended; sign in again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a signed-in client holds: a short access token (JWT) and a single-use refresh token."""

    access_token: str
    expires_at: datetime
    refresh_token: str
    refresh_expires_at: datetime


class Sessions(Protocol):
    """Signing in and out."""

    async def sign_in(self, ctx: Context, *, email: str, password: str, address: str) -> Tokens:
        """Start a session from a network address; raises `WrongCredentials` or `TooManyRequests`."""

    async def refresh(self, ctx: Context, *, refresh_token: str) -> Tokens:
        """Trade a refresh token for new tokens, once; its reuse ends the whole family (`SessionEnded`)."""

    async def sign_out(self, ctx: Context, *, refresh_token: str) -> None:
        """End the session; an unknown token changes nothing."""
