"""What others may ask of accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from vitascope.foundation.context import AccountId, Context
from vitascope.foundation.errors import Gone, NotFound, Unauthenticated


class Role(StrEnum):
    """What an account is; each includes what the ones before it may do."""

    VIEWER = "viewer"
    CUSTOMER = "customer"
    EDITOR = "editor"
    OPERATOR = "operator"
    OWNER = "owner"


class Permission(StrEnum):
    """What can be allowed. Services name these in `ctx.require`."""

    WATCH = "video.watch"
    UPLOAD = "video.upload"
    EDIT_OWN_TITLES = "video.titles.edit_own"
    EDIT_TITLES = "video.titles.edit"
    RUN_JOBS = "transcoding.jobs.run"
    SEE_ALL_JOBS = "transcoding.jobs.see_all"
    OPERATE = "platform.operate"
    MANAGE_KEYS = "identity.keys.manage"
    MANAGE_ACCOUNTS = "identity.accounts.manage"
    MANAGE_TENANT = "identity.tenant.manage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person's account."""

    id: AccountId
    email: str
    name: str
    role: Role
    verified: bool


class NoSuchAccount(NotFound):
    """There is no such account."""


class WrongCredentials(Unauthenticated):
    """The address or the password is not right, or the address is not verified yet."""


class VerificationExpired(Gone):
    """This link has been used or has expired; sign up again to get a new one."""


class Accounts(Protocol):
    """The tenant's accounts."""

    async def sign_up(self, ctx: Context, *, email: str, password: str, name: str) -> None:
        """Create an unverified account and mail a link; says the same whether the address is known or not."""

    async def verify(self, ctx: Context, *, token: str) -> Account:
        """Confirm the address with the token of the mailed link; raises `VerificationExpired`."""

    async def create(self, ctx: Context, *, email: str, password: str, name: str, role: Role) -> Account:
        """Create a verified account: by an owner, or by the platform itself."""

    async def check(self, ctx: Context, *, email: str, password: str) -> Account:
        """The account with these credentials; takes as long when there is none (`WrongCredentials`)."""

    async def get(self, ctx: Context, *, account: AccountId) -> Account:
        """One account; raises `NoSuchAccount`."""

    async def names(self, ctx: Context, *, accounts: Sequence[AccountId]) -> Mapping[AccountId, str]:
        """Display names of the accounts that exist among these."""
