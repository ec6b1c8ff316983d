"""What others may ask of accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from vitascope.foundation.context import AccountId, Context
from vitascope.foundation.errors import Conflict, Forbidden, Gone, Invalid, NotFound, Unauthenticated


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


# What each role adds to the ones before it: the one place where this is said. What belongs to whom
# is not said here but in the WHERE of each service's statements.
_ADDED: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.WATCH}),
    Role.CUSTOMER: frozenset(),
    Role.EDITOR: frozenset(
        {Permission.UPLOAD, Permission.EDIT_OWN_TITLES, Permission.RUN_JOBS, Permission.MANAGE_KEYS}
    ),
    Role.OPERATOR: frozenset({Permission.EDIT_TITLES, Permission.SEE_ALL_JOBS, Permission.OPERATE}),
    Role.OWNER: frozenset({Permission.MANAGE_ACCOUNTS, Permission.MANAGE_TENANT}),
}


def permissions_of(role: Role) -> frozenset[Permission]:
    """All that the role allows."""
    return _PERMISSIONS[role]


def _accumulated() -> dict[Role, frozenset[Permission]]:
    allowed: frozenset[Permission] = frozenset()
    permissions = {}
    for role in Role:
        allowed |= _ADDED[role]
        permissions[role] = allowed
    return permissions


_PERMISSIONS = _accumulated()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person's account; its address was confirmed, or vouched for by who created it."""

    id: AccountId
    email: str
    name: str
    role: Role


class NoSuchAccount(NotFound):
    """There is no such account."""


class WrongCredentials(Unauthenticated):
    """The address or the password is not right, or the address is not verified yet."""


class VerificationExpired(Gone):
    """This link has been used or has expired; sign up again to get a new one."""


class SignUpClosed(Forbidden):
    """Nobody can sign up here; ask an owner for an account."""


class WeakPassword(Invalid):
    """This password is too easy to guess."""


class AccountExists(Conflict):
    """There is an account with this address already."""


class LastOwner(Conflict):
    """Somebody has to be the owner; make another account an owner first."""


class Accounts(Protocol):
    """The tenant's accounts."""

    async def sign_up(
        self, ctx: Context, *, email: str, password: str, name: str, address: str | None = None
    ) -> None:
        """Mail a link that makes the account; says the same whether the e-mail address is known or not.

        `address` is the network address that asks, whose requests are limited (`TooManyRequests`).
        Raises `SignUpClosed`, `WeakPassword` or Invalid naming the field.
        """

    async def verify(self, ctx: Context, *, token: str) -> Account:
        """Make the account with the token of the mailed link; raises `VerificationExpired`."""

    async def create(self, ctx: Context, *, email: str, password: str, name: str, role: Role) -> Account:
        """Create an account without a mail: by an owner, or by the platform itself (`AccountExists`)."""

    async def check(self, ctx: Context, *, email: str, password: str) -> Account:
        """The account with these credentials; takes as long when there is none (`WrongCredentials`)."""

    async def get(self, ctx: Context, *, account: AccountId) -> Account:
        """One account; raises `NoSuchAccount`."""

    async def names(self, ctx: Context, *, accounts: Sequence[AccountId]) -> Mapping[AccountId, str]:
        """Display names of the accounts that exist among these."""
