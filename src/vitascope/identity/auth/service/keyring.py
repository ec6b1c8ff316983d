"""The platform's signing keys: one signs, the next is published in time, the last still verifies."""

import secrets as randomness
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from joserfc.jwk import OKPKey

from vitascope.foundation.clock import Clock
from vitascope.foundation.db.database import Database
from vitascope.foundation.errors import Unavailable
from vitascope.identity.auth import repository
from vitascope.identity.auth.adapters import jose
from vitascope.identity.auth.adapters.wrapping import KeyWrap
from vitascope.identity.auth.repository import KeptSigningKey
from vitascope.identity.auth.service.settings import AuthSettings

_LOOK_AGAIN = timedelta(seconds=60)
_LOOK_AGAIN_FOR_UNKNOWN = timedelta(seconds=5)
_VERIFIES_LONGER = timedelta(hours=2)
_NEVER = datetime.fromtimestamp(0, UTC)


class NoSigningKey(Unavailable):
    """The platform has no key to sign with; look at the scheduled work `identity.auth.rotate_keys`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """The key that signs now."""

    kid: str
    key: OKPKey


class KeyRing:
    """Holds the keys in memory and looks for new ones now and then."""

    def __init__(self, *, db: Database, clock: Clock, wrap: KeyWrap, settings: AuthSettings) -> None:
        self._db, self._clock, self._wrap = db, clock, wrap
        self._lifetime = timedelta(days=settings.key_days)
        self._notice = timedelta(hours=settings.key_notice_hours)
        self._kept: Sequence[KeptSigningKey] = ()
        self._verifiers: Mapping[str, OKPKey] = {}
        self._signer: Signer | None = None
        self._looked_at = _NEVER

    async def signer(self) -> Signer:
        """The key that signs now; the first one is made when it is first needed."""
        await self._look(_LOOK_AGAIN)
        current = _signing(self._kept, self._clock.now())
        if current is None:
            await self.rotate()
            current = _signing(self._kept, self._clock.now())
        if current is None:
            raise NoSigningKey
        if self._signer is None or self._signer.kid != current.kid:
            private = self._wrap.unwrap(current.wrapped, name=current.kid)
            self._signer = Signer(kid=current.kid, key=jose.signing_key(private))
        return self._signer

    async def verifier(self, kid: str) -> OKPKey | None:
        """The public key of this name, if it is one of ours that still verifies."""
        await self._look(_LOOK_AGAIN)
        if kid not in self._verifiers:
            await self._look(_LOOK_AGAIN_FOR_UNKNOWN)
        return self._verifiers.get(kid)

    async def published(self) -> list[dict[str, str]]:
        """The keys for the JWKS: those that verify, and the one that will sign next."""
        await self.signer()
        return [jose.published(one.kid, one.public) for one in self._kept]

    async def rotate(self) -> int:
        """Make the keys that are due and drop the ones that verify no more; tells how many it made.

        Safe to run at any time and in several processes: they take turns.
        """
        now = self._clock.now()
        async with self._db.system() as connection:
            await repository.lock_signing_keys(connection)
            kept = await repository.all_signing_keys(connection, now=now)
            due = self._due(kept, now)
            for key in due:
                await repository.add_signing_key(connection, key=key)
            await repository.forget_signing_keys(connection, now=now)
        self._hold([*kept, *due], now)
        return len(due)

    def _due(self, kept: Sequence[KeptSigningKey], now: datetime) -> list[KeptSigningKey]:
        """At most one to sign from now on, and one to sign after it."""
        due = []
        if _signing(kept, now) is None:
            due.append(self._new(now))
        last = max(one.signs_until for one in [*kept, *due])
        if last - now <= self._notice:
            due.append(self._new(last))
        return due

    def _new(self, signs_from: datetime) -> KeptSigningKey:
        private, kid = jose.new_private_key(), randomness.token_urlsafe(12)
        until = signs_from + self._lifetime
        return KeptSigningKey(
            kid=kid,
            public=jose.public_of(private),
            wrapped=self._wrap.wrap(private, name=kid),
            signs_from=signs_from,
            signs_until=until,
            verifies_until=until + _VERIFIES_LONGER,
        )

    async def _look(self, older_than: timedelta) -> None:
        now = self._clock.now()
        if now - self._looked_at < older_than:
            return
        async with self._db.system() as connection:
            kept = await repository.all_signing_keys(connection, now=now)
        self._hold(kept, now)

    def _hold(self, kept: Sequence[KeptSigningKey], now: datetime) -> None:
        self._kept, self._looked_at = kept, now
        self._verifiers = {one.kid: jose.verifying_key(one.public) for one in kept}


def _signing(kept: Sequence[KeptSigningKey], now: datetime) -> KeptSigningKey | None:
    return next((one for one in kept if one.signs_from <= now < one.signs_until), None)
