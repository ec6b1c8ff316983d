"""Signing up, proving who one is, and what one may do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import AccountId, Context
from vitascope.foundation.db.database import Database, Transaction
from vitascope.foundation.errors import Invalid, QuotaExceeded
from vitascope.foundation.ids import Ids
from vitascope.foundation.resilience.limits import Limit, RateLimiter
from vitascope.identity.tenants.contracts import Audit, Quota, Setting, Tenants
from vitascope.identity.users import repository
from vitascope.identity.users.adapters.argon2 import PasswordHashes
from vitascope.identity.users.contracts import (
    Account,
    AccountExists,
    LastOwner,
    NoSuchAccount,
    Permission,
    Role,
    SignUpClosed,
    VerificationExpired,
    WrongCredentials,
)
from vitascope.identity.users.events import AccountCreated, RoleChanged
from vitascope.identity.users.models import SignUpId
from vitascope.identity.users.repository import SignUp
from vitascope.identity.users.service import addresses, passwords
from vitascope.identity.users.service.letters import SignUpTokens, token_hash
from vitascope.identity.users.service.settings import UsersSettings
from vitascope.identity.users.service.work import SEND_LETTER, Letter

NAME_CHARACTERS = 100
_HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class Around:
    """The parts of identity beside the accounts' own."""

    tenants: Tenants
    audit: Audit
    limiter: RateLimiter


class AccountService:
    """Implements `contracts.Accounts`."""

    def __init__(  # noqa: PLR0913 - the parts that it works with
        self,
        *,
        db: Database,
        clock: Clock,
        ids: Ids,
        around: Around,
        hashes: PasswordHashes,
        tokens: SignUpTokens,
        settings: UsersSettings,
    ) -> None:
        self._db, self._clock, self._ids, self._around = db, clock, ids, around
        self._hashes, self._tokens, self._settings = hashes, tokens, settings
        self._per_address = Limit(name="sign-up-address", amount=settings.sign_ups_per_address, seconds=_HOUR)
        self._per_email = Limit(name="sign-up-email", amount=settings.sign_ups_per_email, seconds=_HOUR)

    async def sign_up(
        self, ctx: Context, *, email: str, password: str, name: str, address: str | None = None
    ) -> None:
        """Mail a link that makes the account; says the same whether the e-mail address is known or not.

        Whether it is known is asked by the work that writes the letter, long after the answer: until
        then both ways are one and the same.
        """
        tenant = await self._around.tenants.get(ctx)
        if tenant.settings.get(Setting.SIGN_UP, "closed") != "open":
            raise SignUpClosed
        if address is not None:
            await self._around.limiter.check(self._per_address, ctx.tenant, address)
        who = await self._sign_up(email=email, password=password, name=name, ctx=ctx)
        kept = token_hash(self._tokens.token(ctx, sign_up=who.id))
        expires_at = self._clock.now() + timedelta(hours=self._settings.sign_up_hours)
        async with self._db.transaction(ctx) as tx:
            await repository.add_sign_up(tx, sign_up=who, token_hash=kept, expires_at=expires_at)
            tx.start(SEND_LETTER, Letter(sign_up=who.id), id=f"{SEND_LETTER.name}:{who.id}")

    async def verify(self, ctx: Context, *, token: str) -> Account:
        """Make the account with the token of the mailed link; raises `VerificationExpired`."""
        tenant = await self._around.tenants.get(ctx)
        role = Role(tenant.settings.get(Setting.NEW_ACCOUNT_ROLE, Role.VIEWER))
        quota = await self._around.tenants.quota(ctx, quota=Quota.ACCOUNTS)
        async with self._db.transaction(ctx) as tx:
            await self._require_room(tx, quota)
            who = await repository.take_sign_up(tx, token_hash=token_hash(token), now=self._clock.now())
            if who is None:
                raise VerificationExpired
            account = Account(id=self._ids.new(AccountId), email=who.email, name=who.name, role=role)
            if not await self._add(tx, account, who.email_key, who.password_hash):
                raise VerificationExpired
        return account

    async def create(self, ctx: Context, *, email: str, password: str, name: str, role: Role) -> Account:
        """Create an account without a mail: by an owner, or by the platform itself (`AccountExists`)."""
        ctx.require(Permission.MANAGE_ACCOUNTS)
        who = await self._sign_up(ctx, email=email, password=password, name=name, limited=False)
        quota = await self._around.tenants.quota(ctx, quota=Quota.ACCOUNTS)
        account = Account(id=self._ids.new(AccountId), email=who.email, name=who.name, role=role)
        await self._around.audit.record(
            ctx, action="account.create", subject=account.id, detail={"role": role.value}
        )
        async with self._db.transaction(ctx) as tx:
            await self._require_room(tx, quota)
            if not await self._add(tx, account, who.email_key, who.password_hash):
                raise AccountExists(field="email")
        return account

    async def check(self, ctx: Context, *, email: str, password: str) -> Account:
        """The account with these credentials; takes as long when there is none (`WrongCredentials`)."""
        async with self._db.read(ctx) as reader:
            found = await repository.credentials(reader, email_key=addresses.key_of_claim(email))
        word = passwords.normalised(password[: passwords.MAX_CHARACTERS + 1])
        verdict = await self._hashes.check(word, found.password_hash if found else None)
        if found is None or not verdict.right:
            raise WrongCredentials
        if verdict.better is not None:
            async with self._db.transaction(ctx) as tx:
                await repository.replace_hash(
                    tx, account=found.account.id, old=found.password_hash, new=verdict.better
                )
        return found.account

    async def get(self, ctx: Context, *, account: AccountId) -> Account:
        """One account; raises `NoSuchAccount`."""
        async with self._db.read(ctx) as reader:
            found = await repository.get(reader, account=account)
        if found is None:
            raise NoSuchAccount
        return found

    async def names(self, ctx: Context, *, accounts: Sequence[AccountId]) -> Mapping[AccountId, str]:
        """Display names of the accounts that exist among these."""
        if not accounts:
            return {}
        async with self._db.read(ctx) as reader:
            return await repository.names(reader, wanted=accounts)

    async def page(self, ctx: Context, *, after: AccountId | None, limit: int) -> Sequence[Account]:
        """Accounts in the order in which they were made; needs `identity.accounts.manage`."""
        ctx.require(Permission.MANAGE_ACCOUNTS)
        async with self._db.read(ctx) as reader:
            return await repository.page(reader, after=after, limit=limit)

    async def show(self, ctx: Context, *, account: AccountId) -> Account:
        """One account, to itself or to who may manage them all; raises `NoSuchAccount`."""
        if ctx.account != account:
            ctx.require(Permission.MANAGE_ACCOUNTS)
        return await self.get(ctx, account=account)

    async def set_role(self, ctx: Context, *, account: AccountId, role: Role) -> Account:
        """Let an account do more or less; raises `NoSuchAccount` or `LastOwner`.

        What it holds already, such as an access token, keeps its rights for at most ten minutes.
        """
        ctx.require(Permission.MANAGE_ACCOUNTS)
        before = await self.get(ctx, account=account)
        # the log comes first: no right is ever given that it does not tell of
        await self._around.audit.record(
            ctx,
            action="account.set_role",
            subject=account,
            detail={"from": before.role.value, "to": role.value},
        )
        async with self._db.transaction(ctx) as tx:
            owners = await repository.owners_alone(tx)
            if role is not Role.OWNER and list(owners) == [account]:
                raise LastOwner
            changed = await repository.set_role(tx, account=account, role=role)
            if changed is None:
                raise NoSuchAccount
            tx.emit(RoleChanged(account=account, role=role, by=ctx.principal.account), subject=account)
        return changed

    async def _sign_up(
        self, ctx: Context, *, email: str, password: str, name: str, limited: bool = True
    ) -> SignUp:
        """Check what somebody says of themselves, and hash the password outside of any transaction."""
        checked = addresses.checked(email)
        word = passwords.checked(password, email=checked)
        key = addresses.key_of(checked)
        if limited:
            await self._around.limiter.check(self._per_email, ctx.tenant, key)
        return SignUp(
            id=self._ids.new(SignUpId),
            email=checked,
            email_key=key,
            name=_checked_name(name),
            password_hash=await self._hashes.make(word),
        )

    async def _require_room(self, tx: Transaction, quota: int) -> None:
        if await repository.count_alone(tx) >= quota:
            raise QuotaExceeded("This tenant has as many accounts as it may have.")

    async def _add(self, tx: Transaction, account: Account, email_key: str, password_hash: str) -> bool:
        tx.emit(AccountCreated(account=account.id, role=account.role), subject=account.id)
        return await repository.add(
            tx, account=account, email_key=email_key, password_hash=password_hash, at=self._clock.now()
        )


class SignUpJanitor:
    """Drops sign-ups of all tenants whose link was not followed in time."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def forget_expired(self, now: datetime) -> int:
        """Drop those that expired until now; tells how many."""
        async with self._db.system() as connection:
            return await repository.forget_expired(connection, now=now)


def _checked_name(name: str) -> str:
    shown = " ".join(name.split())
    if not shown or len(shown) > NAME_CHARACTERS or not shown.isprintable():
        raise Invalid(f"A name has 1 to {NAME_CHARACTERS} visible characters.", field="name")
    return shown
