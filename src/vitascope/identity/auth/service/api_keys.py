"""API keys: for programs, scoped to some of what their owner may do."""

import secrets as randomness
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import PLATFORM, Context, Principal, TenantId
from vitascope.foundation.db.database import Database
from vitascope.foundation.errors import Conflict, Invalid, Unauthenticated
from vitascope.foundation.ids import Ids
from vitascope.identity.auth import repository
from vitascope.identity.auth.contracts import ApiKey, ApiKeyId, NoSuchApiKey, TooMuchForKey
from vitascope.identity.auth.events import ApiKeyCreated, ApiKeyRevoked
from vitascope.identity.auth.service.sessions import token_hash
from vitascope.identity.auth.service.settings import AuthSettings
from vitascope.identity.tenants.contracts import Audit
from vitascope.identity.users.contracts import Accounts, NoSuchAccount, Permission, permissions_of

PREFIX = "vsk_"
NAME_CHARACTERS = 100
MOST_KEYS = 50
_TOKEN_BYTES = 32
_HINT_CHARACTERS = 4
_TOUCH = timedelta(minutes=1)
_REMEMBERED = 10_000


class UnknownApiKey(Unauthenticated):
    """This API key does not exist, was revoked or has expired."""


class TooManyApiKeys(Conflict):
    """An account has at most 50 API keys; revoke one first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey:
    """A key and its secret, which is shown this once."""

    key: ApiKey
    secret: str


class ApiKeyService:
    """Makes, lists and revokes the keys of the account that asks."""

    def __init__(
        self, *, db: Database, clock: Clock, ids: Ids, audit: Audit, bearers: "ApiKeyBearers"
    ) -> None:
        self._db, self._clock, self._ids, self._audit = db, clock, ids, audit
        self._bearers = bearers

    async def create(
        self, ctx: Context, *, name: str, permissions: Sequence[Permission], expires_at: datetime | None
    ) -> NewApiKey:
        """A new key that can do this; raises `TooMuchForKey` if that is more than one may oneself."""
        ctx.require(Permission.MANAGE_KEYS)
        self._check(ctx, name, permissions, expires_at)
        async with self._db.read(ctx) as reader:
            # two requests at once could pass it: the bound keeps a list short, nothing depends on it
            if len(await repository.keys_of(reader, account=ctx.account)) >= MOST_KEYS:
                raise TooManyApiKeys
        secret = PREFIX + randomness.token_urlsafe(_TOKEN_BYTES)
        key = self._new(
            ctx, name=" ".join(name.split()), permissions=permissions, expires_at=expires_at, secret=secret
        )
        scope = " ".join(key.permissions)
        await self._audit.record(ctx, action="api_key.create", subject=key.id, detail={"permissions": scope})
        async with self._db.transaction(ctx) as tx:
            await repository.add_api_key(tx, key=key, hash=token_hash(secret))
            told = ApiKeyCreated(key=key.id, account=key.account, permissions=key.permissions)
            tx.emit(told, subject=key.id)
        return NewApiKey(key=key, secret=secret)

    async def own(self, ctx: Context) -> Sequence[ApiKey]:
        """The account's keys that are not revoked, newest first."""
        async with self._db.read(ctx) as reader:
            return await repository.keys_of(reader, account=ctx.account)

    async def revoke(self, ctx: Context, *, key: ApiKeyId) -> None:
        """Make one of the account's keys useless; raises `NoSuchApiKey`."""
        async with self._db.transaction(ctx) as tx:
            hashed = await repository.revoke_key(tx, key=key, account=ctx.account, at=self._clock.now())
            if hashed is None:
                raise NoSuchApiKey
            tx.emit(ApiKeyRevoked(key=key, account=ctx.account), subject=key)
            tx.after_commit(lambda: self._bearers.forget(ctx.tenant, hashed))
        await self._audit.record(ctx, action="api_key.revoke", subject=key, detail={})

    def _check(
        self, ctx: Context, name: str, permissions: Sequence[Permission], expires_at: datetime | None
    ) -> None:
        shown = " ".join(name.split())
        if not shown or len(name) > NAME_CHARACTERS or not shown.isprintable():
            raise Invalid(f"A key's name has 1 to {NAME_CHARACTERS} visible characters.", field="name")
        if not permissions:
            raise Invalid("A key that may do nothing is of no use; name a permission.", field="permissions")
        missing = [one for one in permissions if not ctx.principal.may(one)]
        if missing:
            raise TooMuchForKey(
                f"You do not have the permission {missing[0].value!r} yourself.", field="permissions"
            )
        if expires_at is not None and expires_at <= self._clock.now():
            raise Invalid("The key would have expired already.", field="expires_at")

    def _new(
        self,
        ctx: Context,
        *,
        name: str,
        permissions: Sequence[Permission],
        expires_at: datetime | None,
        secret: str,
    ) -> ApiKey:
        return ApiKey(
            id=self._ids.new(ApiKeyId),
            account=ctx.account,
            name=name,
            hint=secret[-_HINT_CHARACTERS:],
            permissions=sorted({one.value for one in permissions}),
            created_at=self._clock.now(),
            expires_at=expires_at,
            last_used_at=None,
            revoked_at=None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bearer:
    principal: Principal
    until: datetime


class ApiKeyBearers:
    """Says on every request who bears a key; remembers it for some seconds."""

    def __init__(self, *, db: Database, clock: Clock, accounts: Accounts, settings: AuthSettings) -> None:
        self._db, self._clock, self._accounts = db, clock, accounts
        self._seconds = timedelta(seconds=settings.api_key_cache_seconds)
        self._known: OrderedDict[tuple[TenantId, bytes], _Bearer] = OrderedDict()

    async def read(self, secret: str, *, tenant: TenantId) -> Principal:
        """Who bears the key, with what the key and its owner may both do; raises `UnknownApiKey`."""
        hashed = token_hash(secret)
        bearer = self._known.get((tenant, hashed))
        if bearer is None or self._clock.now() >= bearer.until:
            bearer = await self._looked_up(Context(tenant=tenant, principal=PLATFORM), hashed)
            self._remember((tenant, hashed), bearer)
        return bearer.principal

    def forget(self, tenant: TenantId, hashed: bytes) -> None:
        """Look the key up again, because it was revoked."""
        self._known.pop((tenant, hashed), None)

    async def _looked_up(self, ctx: Context, hashed: bytes) -> _Bearer:
        now = self._clock.now()
        async with self._db.read(ctx) as reader:
            key = await repository.working_key(reader, hash=hashed, now=now)
        if key is None:
            raise UnknownApiKey
        try:
            owner = await self._accounts.get(ctx, account=key.account)
        except NoSuchAccount as error:
            raise UnknownApiKey from error
        await self._touch(ctx, key, now)
        allowed = frozenset(key.permissions) & permissions_of(owner.role)
        until = now + self._seconds if key.expires_at is None else min(key.expires_at, now + self._seconds)
        return _Bearer(principal=Principal(account=owner.id, permissions=allowed), until=until)

    async def _touch(self, ctx: Context, key: ApiKey, now: datetime) -> None:
        if key.last_used_at is not None and now - key.last_used_at < _TOUCH:
            return
        async with self._db.transaction(ctx) as tx:
            await repository.touch_key(tx, key=key.id, now=now, unless_since=now - _TOUCH)

    def _remember(self, place: tuple[TenantId, bytes], bearer: _Bearer) -> None:
        self._known[place] = bearer
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
