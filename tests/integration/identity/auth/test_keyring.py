import asyncio

import pytest

from vitascope.foundation.secrets import Secrets
from vitascope.foundation.testing.clock import ManualClock
from vitascope.identity.auth.adapters.wrapping import KeyWrap
from vitascope.identity.auth.service.keyring import KeyRing
from vitascope.runtime.testing import PlatformUnderTest

HOUR = 3600
DAY = 24 * HOUR


@pytest.fixture
def ring(platform: PlatformUnderTest, clock: ManualClock) -> KeyRing:
    """A process's keys."""
    return platform.container.make(KeyRing)


class TestKeyRing:
    async def test_first_key_is_one_for_all(self, platform: PlatformUnderTest, clock: ManualClock) -> None:
        """Processes that need the first key at once agree on one."""
        rings = [platform.container.make(KeyRing) for _ in range(8)]

        signers = await asyncio.gather(*(ring.signer() for ring in rings))

        assert len({signer.kid for signer in signers}) == 1

    async def test_next_is_published_before_it_signs(self, ring: KeyRing, clock: ManualClock) -> None:
        """Two days before a key stops signing the next one is published, and signs only after it."""
        current = await ring.signer()
        clock.advance(28 * DAY)
        await ring.rotate()

        published = {one["kid"] for one in await ring.published()}
        still = await ring.signer()
        clock.advance(2 * DAY)
        following = await ring.signer()

        assert still.kid == current.kid
        assert published == {current.kid, following.kid}
        assert following.kid != current.kid

    async def test_old_one_verifies_while_its_tokens_live(self, ring: KeyRing, clock: ManualClock) -> None:
        """A key verifies for a while after it signed last, and is gone afterwards."""
        first = await ring.signer()
        clock.advance(30 * DAY)
        await ring.rotate()
        soon = await ring.verifier(first.kid)
        clock.advance(2 * HOUR + 61)

        late = await ring.verifier(first.kid)

        assert soon is not None
        assert late is None

    async def test_other_processes_learn(
        self, platform: PlatformUnderTest, ring: KeyRing, clock: ManualClock
    ) -> None:
        """A process that has never seen a key verifies with it as soon as a token names it."""
        other = platform.container.make(KeyRing)
        assert await other.verifier("none yet") is None
        signer = await ring.signer()
        clock.advance(6)

        assert await other.verifier(signer.kid) is not None

    async def test_after_a_long_pause(self, ring: KeyRing, clock: ManualClock) -> None:
        """A platform that was off for a year signs at once when it is back."""
        first = await ring.signer()
        clock.advance(365 * DAY)

        again = await ring.signer()

        assert again.kid != first.kid

    async def test_private_part_is_wrapped(self, platform: PlatformUnderTest, ring: KeyRing) -> None:
        """The database holds no private key that could be used without the master key."""
        signer = await ring.signer()
        private = signer.key.private_key
        assert private is not None
        async with platform.db.system() as connection:
            row = (
                await connection.exec_driver_sql("SELECT kid, wrapped FROM identity_auth.signing_keys")
            ).one()

        raw = KeyWrap(secrets=platform.container.get(Secrets)).unwrap(row.wrapped, name=row.kid)

        assert raw not in row.wrapped
        with pytest.raises(ValueError, match="another master key"):
            KeyWrap(secrets=Secrets(bytes(32))).unwrap(row.wrapped, name=row.kid)

    async def test_everyday_role_cannot_read(self, platform: PlatformUnderTest) -> None:
        """The role that serves requests has no right to the table of keys."""
        async with platform.db.system_engine.connect() as connection:
            allowed = await connection.exec_driver_sql(
                "SELECT has_table_privilege('vitascope_app', 'identity_auth.signing_keys', 'SELECT')"
            )

            assert allowed.scalar() is False
