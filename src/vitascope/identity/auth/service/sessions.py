"""Signing in, refreshing, signing out."""

import hashlib
import hmac
import secrets as randomness
from dataclasses import dataclass
from datetime import datetime, timedelta

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import AccountId, Context
from vitascope.foundation.db.database import Database
from vitascope.foundation.ids import Ids
from vitascope.foundation.resilience.limits import Limit, RateLimiter
from vitascope.foundation.secrets import Secrets
from vitascope.identity.auth import repository
from vitascope.identity.auth.contracts import STRICT, RefreshedMeanwhile, SessionEnded, SessionId, Tokens
from vitascope.identity.auth.events import SessionRevoked, SessionStarted
from vitascope.identity.auth.repository import PresentedToken
from vitascope.identity.auth.service.settings import AuthSettings
from vitascope.identity.auth.service.tokens import AccessTokens
from vitascope.identity.tenants.contracts import Audit
from vitascope.identity.users.contracts import Account, Accounts, NoSuchAccount, WrongCredentials

_WINDOW_SECONDS = 300
_TOKEN_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class Around:
    """The parts of identity beside sign-in's own."""

    accounts: Accounts
    audit: Audit
    limiter: RateLimiter


class AddressFingerprints:
    """E-mail addresses as the audit log may tell them: comparable, not readable.

    What people type there is at times their password.
    """

    def __init__(self, *, secrets: Secrets) -> None:
        self._key = secrets.derive("identity.auth address fingerprints")

    def of(self, email: str) -> str:
        """The fingerprint of an address, however it is spelt."""
        return hmac.digest(self._key, email.strip().casefold().encode("utf-8", "replace"), "sha256").hex()[
            :16
        ]


class SessionService:
    """Implements `contracts.Sessions`."""

    def __init__(  # noqa: PLR0913 - the parts that it works with
        self,
        *,
        db: Database,
        clock: Clock,
        ids: Ids,
        around: Around,
        access: AccessTokens,
        fingerprints: AddressFingerprints,
        settings: AuthSettings,
    ) -> None:
        self._db, self._clock, self._ids, self._around = db, clock, ids, around
        self._access, self._fingerprints = access, fingerprints
        self._idle = timedelta(days=settings.idle_days)
        self._longest = timedelta(days=settings.session_days)
        self._per_address = Limit(
            name="sign-in-address", amount=settings.sign_ins_per_address, seconds=_WINDOW_SECONDS
        )
        self._per_account = Limit(
            name="sign-in-account", amount=settings.sign_ins_per_account, seconds=_WINDOW_SECONDS
        )

    async def sign_in(self, ctx: Context, *, email: str, password: str, address: str) -> Tokens:
        """Start a session from a network address; raises `WrongCredentials` or `TooManyRequests`."""
        who = self._fingerprints.of(email)
        await self._around.limiter.check(self._per_address, ctx.tenant, address)
        await self._around.limiter.check(self._per_account, ctx.tenant, who)
        try:
            account = await self._around.accounts.check(ctx, email=email, password=password)
        except WrongCredentials:
            await self._record(ctx, "session.refused", who, address=address)
            raise
        await self._around.limiter.forget(self._per_account, ctx.tenant, who)
        return await self._start(ctx, account, address)

    async def refresh(self, ctx: Context, *, refresh_token: str, grace: timedelta = STRICT) -> Tokens:
        """Trade a refresh token for new tokens, once; its reuse ends the whole family (`SessionEnded`)."""
        hashed = token_hash(refresh_token)
        async with self._db.read(ctx) as reader:
            shown = await repository.presented(reader, hash=hashed)
        if shown is None:
            raise SessionEnded
        account = await self._account(ctx, shown.account)
        now = self._clock.now()
        fresh = randomness.token_urlsafe(_TOKEN_BYTES)
        until = min(now + self._idle, shown.session_expires_at)
        async with self._db.transaction(ctx) as tx:
            won = await repository.use_token(tx, hash=hashed, now=now)
            if won:
                await repository.add_token(
                    tx, hash=token_hash(fresh), session=shown.session, expires_at=until
                )
        if not won:
            await self._refuse(ctx, hashed, grace)
        return await self._tokens(ctx, account, session=shown.session, fresh=fresh, until=until)

    async def sign_out(self, ctx: Context, *, refresh_token: str) -> None:
        """End the session; an unknown token changes nothing."""
        async with self._db.read(ctx) as reader:
            shown = await repository.presented(reader, hash=token_hash(refresh_token))
        if shown is not None:
            await self._revoke(ctx, shown, why="signed_out")

    async def _start(self, ctx: Context, account: Account, address: str) -> Tokens:
        session, now = self._ids.new(SessionId), self._clock.now()
        fresh, until = randomness.token_urlsafe(_TOKEN_BYTES), now + min(self._idle, self._longest)
        # the log comes first: no session is ever handed out that it does not tell of
        await self._record(ctx, "session.start", account.id, address=address, session=session)
        async with self._db.transaction(ctx) as tx:
            await repository.start_family(
                tx, session=session, account=account.id, at=now, expires_at=now + self._longest
            )
            await repository.add_token(tx, hash=token_hash(fresh), session=session, expires_at=until)
            tx.emit(SessionStarted(session=session, account=account.id), subject=session)
        return await self._tokens(ctx, account, session=session, fresh=fresh, until=until)

    async def _tokens(
        self, ctx: Context, account: Account, *, session: SessionId, fresh: str, until: datetime
    ) -> Tokens:
        token, expires_at = await self._access.issue(tenant=ctx.tenant, account=account, session=session)
        return Tokens(
            access_token=token, expires_at=expires_at, refresh_token=fresh, refresh_expires_at=until
        )

    async def _account(self, ctx: Context, account: AccountId) -> Account:
        """The account as it is today: a refresh takes up its present role."""
        try:
            return await self._around.accounts.get(ctx, account=account)
        except NoSuchAccount as error:
            raise SessionEnded from error

    async def _refuse(self, ctx: Context, hashed: bytes, grace: timedelta) -> None:
        """Tell a token that is over from one that somebody else has used, which ends the session."""
        async with self._db.read(ctx) as reader:
            shown = await repository.presented(reader, hash=hashed)
        if shown is None or shown.used_at is None:
            raise SessionEnded
        if shown.revoked_at is None and self._clock.now() - shown.used_at < grace:
            raise RefreshedMeanwhile
        await self._revoke(ctx, shown, why="refresh_token_reused")
        raise SessionEnded

    async def _revoke(self, ctx: Context, shown: PresentedToken, *, why: str) -> None:
        async with self._db.transaction(ctx) as tx:
            ended = await repository.revoke_family(tx, session=shown.session, at=self._clock.now(), why=why)
            if ended:
                told = SessionRevoked(session=shown.session, account=shown.account, reason=why)
                tx.emit(told, subject=shown.session)
        if ended:
            await self._record(ctx, "session.revoke", shown.account, session=shown.session, why=why)

    async def _record(self, ctx: Context, action: str, subject: str, **detail: str) -> None:
        await self._around.audit.record(ctx, action=action, subject=subject, detail=detail)


class SessionJanitor:
    """Drops the sessions of all tenants that are long over."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def forget_ended(self, now: datetime) -> int:
        """Drop those whose time was over a day ago; tells how many."""
        async with self._db.system() as connection:
            return await repository.forget_families(connection, before=now - timedelta(days=1))


def token_hash(token: str) -> bytes:
    """What is kept of a random token: nobody can guess what it was, so a fast hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
