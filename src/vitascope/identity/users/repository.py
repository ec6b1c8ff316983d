"""All SQL of accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from vitascope.foundation.context import AccountId
from vitascope.foundation.db.database import Reader, Transaction
from vitascope.identity.users.contracts import Account, Role
from vitascope.identity.users.models import SignUpId, accounts, sign_ups

_ACCOUNT = (accounts.c.id, accounts.c.email, accounts.c.name, accounts.c.role)
_SIGN_UP = (sign_ups.c.id, sign_ups.c.email, sign_ups.c.email_key, sign_ups.c.name, sign_ups.c.password_hash)
_ONE_BY_ONE = text("SELECT pg_advisory_xact_lock(hashtextextended('identity_users.accounts ' || :tenant, 0))")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """Who wants an account."""

    id: SignUpId
    email: str
    email_key: str
    name: str
    password_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An account and the hash of its password."""

    account: Account
    password_hash: str


async def add_sign_up(tx: Transaction, *, sign_up: SignUp, token_hash: bytes, expires_at: datetime) -> None:
    """Keep a sign-up until its link is followed."""
    added = insert(sign_ups).values(
        id=sign_up.id,
        email=sign_up.email,
        email_key=sign_up.email_key,
        name=sign_up.name,
        password_hash=sign_up.password_hash,
        token_hash=token_hash,
        expires_at=expires_at,
    )
    await tx.execute(added)


async def sign_up_to_answer(reader: Reader, *, sign_up: SignUpId) -> tuple[SignUp, bool] | None:
    """A sign-up, and whether its address has an account already."""
    known = select(accounts.c.id).where(accounts.c.email_key == sign_ups.c.email_key).exists()
    row = await reader.first(select(*_SIGN_UP, known.label("known")).where(sign_ups.c.id == sign_up))
    return None if row is None else (_sign_up(row), row.known)


async def take_sign_up(tx: Transaction, *, token_hash: bytes, now: datetime) -> SignUp | None:
    """The sign-up with this token; it and all others of its address are gone afterwards."""
    found = select(sign_ups.c.email_key).where(
        sign_ups.c.token_hash == token_hash, sign_ups.c.expires_at > now
    )
    taken = (
        delete(sign_ups)
        .where(sign_ups.c.email_key == found.scalar_subquery())
        .returning(*_SIGN_UP, sign_ups.c.token_hash)
    )
    rows = await tx.rows(taken)
    return next((_sign_up(row) for row in rows if row.token_hash == token_hash), None)


async def forget_expired(connection: AsyncConnection, *, now: datetime) -> int:
    """Drop the sign-ups of all tenants whose time is over; needs the platform's role."""
    return (await connection.execute(delete(sign_ups).where(sign_ups.c.expires_at <= now))).rowcount


async def count_alone(tx: Transaction) -> int:
    """How many accounts there are; until the transaction's end nobody else of the tenant adds one."""
    await tx.execute(_ONE_BY_ONE, {"tenant": tx.ctx.tenant})
    count: int = await tx.scalar(select(func.count()).select_from(accounts))
    return count


async def add(tx: Transaction, *, account: Account, email_key: str, password_hash: str, at: datetime) -> bool:
    """Add an account; tell whether its address was free."""
    added = upsert(accounts).values(
        id=account.id,
        email=account.email,
        email_key=email_key,
        name=account.name,
        password_hash=password_hash,
        role=account.role.value,
        created_at=at,
    )
    return await tx.execute(added.on_conflict_do_nothing()) == 1


async def credentials(reader: Reader, *, email_key: str) -> Credentials | None:
    """What to check a password against."""
    found = select(*_ACCOUNT, accounts.c.password_hash).where(accounts.c.email_key == email_key)
    row = await reader.first(found)
    return None if row is None else Credentials(account=_required(row), password_hash=row.password_hash)


async def replace_hash(tx: Transaction, *, account: AccountId, old: str, new: str) -> None:
    """Keep a better hash of the same password, unless the password has changed meanwhile."""
    same = update(accounts).where(accounts.c.id == account, accounts.c.password_hash == old)
    await tx.execute(same.values(password_hash=new))


async def get(reader: Reader, *, account: AccountId) -> Account | None:
    """One account."""
    return _account(await reader.first(select(*_ACCOUNT).where(accounts.c.id == account)))


async def names(reader: Reader, *, wanted: Sequence[AccountId]) -> Mapping[AccountId, str]:
    """The names of those that exist."""
    rows = await reader.rows(select(accounts.c.id, accounts.c.name).where(accounts.c.id.in_(wanted)))
    return {row.id: row.name for row in rows}


async def page(reader: Reader, *, after: AccountId | None, limit: int) -> Sequence[Account]:
    """Accounts in the order in which they were made."""
    oldest = select(*_ACCOUNT).order_by(accounts.c.id).limit(limit)
    if after is not None:
        oldest = oldest.where(accounts.c.id > after)
    return [_required(row) for row in await reader.rows(oldest)]


async def owners_alone(tx: Transaction) -> Sequence[AccountId]:
    """The owners; until the transaction's end nobody else changes them."""
    owners = select(accounts.c.id).where(accounts.c.role == Role.OWNER.value).order_by(accounts.c.id)
    return await tx.scalars(owners.with_for_update())


async def set_role(tx: Transaction, *, account: AccountId, role: Role) -> Account | None:
    """Give an account a role; None if there is no such account."""
    changed = update(accounts).where(accounts.c.id == account).values(role=role.value)
    return _account(await tx.first(changed.returning(*_ACCOUNT)))


def _account(row: Row[*tuple[Any, ...]] | None) -> Account | None:
    return None if row is None else _required(row)


def _required(row: Row[*tuple[Any, ...]]) -> Account:
    return Account(id=row.id, email=row.email, name=row.name, role=Role(row.role))


def _sign_up(row: Row[*tuple[Any, ...]]) -> SignUp:
    return SignUp(
        id=row.id,
        email=row.email,
        email_key=row.email_key,
        name=row.name,
        password_hash=row.password_hash,
    )
