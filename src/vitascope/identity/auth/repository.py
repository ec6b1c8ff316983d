"""All SQL of sign-in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vitascope.foundation.context import AccountId
from vitascope.foundation.db.database import Reader, Transaction
from vitascope.identity.auth.contracts import ApiKey, ApiKeyId, SessionId
from vitascope.identity.auth.models import api_keys, families, refresh_tokens, signing_keys

_KEY = tuple(column for column in api_keys.c if column.name not in {"tenant_id", "hash"})
_ONE_BY_ONE = text("SELECT pg_advisory_xact_lock(hashtextextended('identity_auth.signing_keys', 0))")


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedToken:
    """A refresh token that was shown to us, with its session."""

    session: SessionId
    account: AccountId
    expires_at: datetime
    used_at: datetime | None
    session_expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSigningKey:
    """A signing key as the database holds it."""

    kid: str
    public: bytes
    wrapped: bytes
    signs_from: datetime
    signs_until: datetime
    verifies_until: datetime


async def start_family(
    tx: Transaction, *, session: SessionId, account: AccountId, at: datetime, expires_at: datetime
) -> None:
    """Start a session."""
    await tx.execute(
        insert(families).values(id=session, account=account, started_at=at, expires_at=expires_at)
    )


async def add_token(tx: Transaction, *, hash: bytes, session: SessionId, expires_at: datetime) -> None:  # noqa: A002 - the column's name
    """Let a token refresh the session, once."""
    await tx.execute(insert(refresh_tokens).values(hash=hash, family=session, expires_at=expires_at))


async def presented(reader: Reader, *, hash: bytes) -> PresentedToken | None:  # noqa: A002 - the same
    """What is known of a token."""
    found = (
        select(
            refresh_tokens.c.family.label("session"),
            families.c.account,
            refresh_tokens.c.expires_at,
            refresh_tokens.c.used_at,
            families.c.expires_at.label("session_expires_at"),
            families.c.revoked_at,
        )
        .join_from(refresh_tokens, families, families.c.id == refresh_tokens.c.family)
        .where(refresh_tokens.c.hash == hash)
    )
    row = await reader.first(found)
    return None if row is None else PresentedToken(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public spelling


async def use_token(tx: Transaction, *, hash: bytes, now: datetime) -> bool:  # noqa: A002 - the same
    """Use a token up; tell whether this was its first use, before its time was over.

    Of any number that try at once exactly one is told so: the others wait for its row.
    """
    used = (
        update(refresh_tokens)
        .where(
            refresh_tokens.c.hash == hash,
            refresh_tokens.c.used_at.is_(None),
            refresh_tokens.c.expires_at > now,
            select(families.c.id)
            .where(
                families.c.id == refresh_tokens.c.family,
                families.c.revoked_at.is_(None),
                families.c.expires_at > now,
            )
            .exists(),
        )
        .values(used_at=now)
    )
    return await tx.execute(used) == 1


async def revoke_family(tx: Transaction, *, session: SessionId, at: datetime, why: str) -> bool:
    """End a session; tell whether it was going on."""
    ended = update(families).where(families.c.id == session, families.c.revoked_at.is_(None))
    return await tx.execute(ended.values(revoked_at=at, revoked_why=why)) == 1


async def forget_families(connection: AsyncConnection, *, before: datetime) -> int:
    """Drop the sessions of all tenants that were over before this; needs the platform's role."""
    over = select(families.c.tenant_id, families.c.id).where(families.c.expires_at < before).subquery()
    await connection.execute(
        delete(refresh_tokens).where(
            refresh_tokens.c.tenant_id == over.c.tenant_id, refresh_tokens.c.family == over.c.id
        )
    )
    return (await connection.execute(delete(families).where(families.c.expires_at < before))).rowcount


async def add_api_key(tx: Transaction, *, key: ApiKey, hash: bytes) -> None:  # noqa: A002 - the same
    """Keep a new key."""
    await tx.execute(
        insert(api_keys).values(
            id=key.id,
            account=key.account,
            name=key.name,
            hash=hash,
            hint=key.hint,
            permissions=list(key.permissions),
            created_at=key.created_at,
            expires_at=key.expires_at,
        )
    )


async def working_key(reader: Reader, *, hash: bytes, now: datetime) -> ApiKey | None:  # noqa: A002 - the same
    """The key with this secret, if it works now."""
    found = select(*_KEY).where(
        api_keys.c.hash == hash,
        api_keys.c.revoked_at.is_(None),
        or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now),
    )
    return _api_key(await reader.first(found))


async def touch_key(tx: Transaction, *, key: ApiKeyId, now: datetime, unless_since: datetime) -> None:
    """Note that the key was used, unless that was noted since then."""
    stale = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < unless_since)
    await tx.execute(update(api_keys).where(api_keys.c.id == key, stale).values(last_used_at=now))


async def keys_of(reader: Reader, *, account: AccountId) -> Sequence[ApiKey]:
    """The account's keys that are not revoked, newest first."""
    own = select(*_KEY).where(api_keys.c.account == account, api_keys.c.revoked_at.is_(None))
    rows = await reader.rows(own.order_by(api_keys.c.id.desc()))
    return [ApiKey(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public spelling


async def revoke_key(tx: Transaction, *, key: ApiKeyId, account: AccountId, at: datetime) -> bytes | None:
    """Revoke a key of the account; gives the hash of its secret, or None if it has no such key."""
    revoked = (
        update(api_keys)
        .where(api_keys.c.id == key, api_keys.c.account == account, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=at)
        .returning(api_keys.c.hash)
    )
    hashed: bytes | None = await tx.scalar(revoked)
    return hashed


async def key_of(reader: Reader, *, key: ApiKeyId, account: AccountId) -> ApiKey | None:
    """One key of the account that is not revoked."""
    own = select(*_KEY).where(api_keys.c.id == key, api_keys.c.account == account)
    return _api_key(await reader.first(own.where(api_keys.c.revoked_at.is_(None))))


async def lock_signing_keys(connection: AsyncConnection) -> None:
    """Until the transaction's end nobody else makes signing keys."""
    await connection.execute(_ONE_BY_ONE)


async def all_signing_keys(connection: AsyncConnection, *, now: datetime) -> Sequence[KeptSigningKey]:
    """The keys that verify now, in the order in which they sign; needs the platform's role."""
    valid = select(signing_keys).where(signing_keys.c.verifies_until > now)
    rows = (await connection.execute(valid.order_by(signing_keys.c.signs_from))).all()
    return [KeptSigningKey(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public spelling


async def add_signing_key(connection: AsyncConnection, *, key: KeptSigningKey) -> None:
    """Keep a new signing key."""
    await connection.execute(
        insert(signing_keys).values(
            kid=key.kid,
            public=key.public,
            wrapped=key.wrapped,
            signs_from=key.signs_from,
            signs_until=key.signs_until,
            verifies_until=key.verifies_until,
        )
    )


async def forget_signing_keys(connection: AsyncConnection, *, now: datetime) -> None:
    """Drop the keys that verify no more."""
    await connection.execute(delete(signing_keys).where(signing_keys.c.verifies_until <= now))


def _api_key(row: Row[*tuple[Any, ...]] | None) -> ApiKey | None:
    return None if row is None else ApiKey(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public spelling
