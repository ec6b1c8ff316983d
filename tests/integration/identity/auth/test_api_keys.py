from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from vitascope.foundation.context import Context
from vitascope.foundation.errors import Forbidden, Invalid
from vitascope.foundation.testing.clock import ManualClock
from vitascope.identity.auth.contracts import NoSuchApiKey, TooMuchForKey
from vitascope.identity.auth.service.api_keys import (
    MOST_KEYS,
    ApiKeyBearers,
    ApiKeyService,
    TooManyApiKeys,
    UnknownApiKey,
)
from vitascope.identity.tenants.service import TenantService
from vitascope.identity.users.contracts import Account, Permission, Role
from vitascope.identity.users.service.accounts import AccountService
from vitascope.runtime.testing import PlatformUnderTest

UPLOAD = Permission.UPLOAD
DAY = timedelta(days=1)


@pytest.fixture
def keys(platform: PlatformUnderTest, clock: ManualClock) -> ApiKeyService:
    """The keys."""
    return platform.container.get(ApiKeyService)


@pytest.fixture
def bearers(platform: PlatformUnderTest, clock: ManualClock) -> ApiKeyBearers:
    """Who bears them."""
    return platform.container.get(ApiKeyBearers)


@pytest.fixture
async def editor(
    person: Callable[..., Awaitable[Account]], context_of: Callable[[Account], Context]
) -> Context:
    """An editor."""
    return context_of(await person("ada@example.org", Role.EDITOR))


class TestCreate:
    async def test_bears_the_scope(
        self, keys: ApiKeyService, bearers: ApiKeyBearers, editor: Context
    ) -> None:
        """A key acts for its owner, with the permissions it was given and no others."""
        made = await keys.create(editor, name="nightly", permissions=[UPLOAD], expires_at=None)

        principal = await bearers.read(made.secret, tenant=editor.tenant)

        assert made.secret.startswith("vsk_")
        assert principal.account == editor.account
        assert principal.permissions == {UPLOAD}

    async def test_never_more_than_oneself(self, keys: ApiKeyService, editor: Context) -> None:
        """Nobody makes a key that may do what its owner may not."""
        with pytest.raises(TooMuchForKey):
            await keys.create(editor, name="x", permissions=[Permission.OPERATE], expires_at=None)

    async def test_never_more_than_the_owner_later(
        self, keys: ApiKeyService, bearers: ApiKeyBearers, editor: Context, accounts: AccountService,
        clock: ManualClock,
    ) -> None:  # fmt: skip
        """When the owner is demoted, the key loses what the owner lost."""
        made = await keys.create(editor, name="x", permissions=[UPLOAD], expires_at=None)
        await bearers.read(made.secret, tenant=editor.tenant)
        await accounts.set_role(editor.as_platform(), account=editor.account, role=Role.VIEWER)
        clock.advance(10)

        principal = await bearers.read(made.secret, tenant=editor.tenant)

        assert principal.permissions == frozenset()

    async def test_key_makes_no_keys_beyond_itself(
        self, keys: ApiKeyService, bearers: ApiKeyBearers, editor: Context
    ) -> None:
        """A key without the permission to manage keys makes none."""
        made = await keys.create(editor, name="x", permissions=[UPLOAD], expires_at=None)
        principal = await bearers.read(made.secret, tenant=editor.tenant)

        with pytest.raises(Forbidden):
            await keys.create(
                Context(tenant=editor.tenant, principal=principal),
                name="y", permissions=[UPLOAD], expires_at=None,
            )  # fmt: skip

    async def test_bad_input(self, keys: ApiKeyService, editor: Context, clock: ManualClock) -> None:
        """A key without a name or permission, or that is over already, is not made."""
        wrong = [
            ("", [UPLOAD], None),
            ("x", [], None),
            ("x", [UPLOAD], clock.now()),
        ]

        for name, permissions, expires_at in wrong:
            with pytest.raises(Invalid):
                await keys.create(editor, name=name, permissions=permissions, expires_at=expires_at)

    async def test_bounded(self, keys: ApiKeyService, editor: Context) -> None:
        """An account has fifty keys at most."""
        for number in range(MOST_KEYS):
            await keys.create(editor, name=f"k{number}", permissions=[UPLOAD], expires_at=None)

        with pytest.raises(TooManyApiKeys):
            await keys.create(editor, name="one more", permissions=[UPLOAD], expires_at=None)


class TestRead:
    async def test_expires(
        self, keys: ApiKeyService, bearers: ApiKeyBearers, editor: Context, clock: ManualClock
    ) -> None:
        """A key is refused from the instant at which it expires, also when it was just used."""
        made = await keys.create(
            editor, name="x", permissions=[UPLOAD], expires_at=clock.now() + timedelta(seconds=5)
        )
        clock.advance(4.9)
        await bearers.read(made.secret, tenant=editor.tenant)
        clock.advance(0.1)

        with pytest.raises(UnknownApiKey):
            await bearers.read(made.secret, tenant=editor.tenant)

    async def test_notes_its_use_once_a_minute(
        self, platform: PlatformUnderTest, keys: ApiKeyService, bearers: ApiKeyBearers, editor: Context,
        clock: ManualClock,
    ) -> None:  # fmt: skip
        """The last use is noted, but written once a minute at most however often the key is used."""
        made = await keys.create(editor, name="x", permissions=[UPLOAD], expires_at=None)
        with platform.statements() as seen:
            for _ in range(100):
                await bearers.read(made.secret, tenant=editor.tenant)
                clock.advance(0.5)

        writes = [text for text in seen.texts if text.startswith("UPDATE")]
        [listed] = await keys.own(editor)

        assert len(writes) == 1
        assert listed.last_used_at is not None

    async def test_remembered(
        self, platform: PlatformUnderTest, keys: ApiKeyService, bearers: ApiKeyBearers, editor: Context
    ) -> None:
        """A key that was just used is taken without asking the database."""
        made = await keys.create(editor, name="x", permissions=[UPLOAD], expires_at=None)
        await bearers.read(made.secret, tenant=editor.tenant)

        with platform.statements() as seen:
            await bearers.read(made.secret, tenant=editor.tenant)

        assert seen.count == 0

    async def test_other_tenant(
        self, keys: ApiKeyService, bearers: ApiKeyBearers, editor: Context, tenants: TenantService
    ) -> None:
        """A key of one tenant is unknown in another, also while it is remembered."""
        made = await keys.create(editor, name="x", permissions=[UPLOAD], expires_at=None)
        await bearers.read(made.secret, tenant=editor.tenant)
        other = await tenants.create(slug="other", name="Other")

        with pytest.raises(UnknownApiKey):
            await bearers.read(made.secret, tenant=other.id)

    async def test_kept_hashed(
        self, platform: PlatformUnderTest, keys: ApiKeyService, editor: Context
    ) -> None:
        """Neither the table nor the events hold the secret."""
        made = await keys.create(editor, name="x", permissions=[UPLOAD], expires_at=None)

        async with platform.db.system() as connection:
            kept = await connection.exec_driver_sql(
                "SELECT k::text FROM identity_auth.api_keys k UNION ALL SELECT o::text FROM events.outbox o"
            )
            text = " ".join(row[0] for row in kept)

        assert made.secret not in text
        assert made.secret.encode().hex() not in text


class TestRevoke:
    async def test_at_once(self, keys: ApiKeyService, bearers: ApiKeyBearers, editor: Context) -> None:
        """A revoked key is refused at once and listed no more."""
        made = await keys.create(editor, name="x", permissions=[UPLOAD], expires_at=None)
        await bearers.read(made.secret, tenant=editor.tenant)

        await keys.revoke(editor, key=made.key.id)

        with pytest.raises(UnknownApiKey):
            await bearers.read(made.secret, tenant=editor.tenant)
        assert await keys.own(editor) == []

    async def test_only_ones_own(
        self, keys: ApiKeyService, editor: Context, person: Callable[..., Awaitable[Account]],
        context_of: Callable[[Account], Context],
    ) -> None:  # fmt: skip
        """Nobody revokes or sees another account's keys."""
        made = await keys.create(editor, name="x", permissions=[UPLOAD], expires_at=None)
        other = context_of(await person("bob@example.org", Role.OWNER))

        with pytest.raises(NoSuchApiKey):
            await keys.revoke(other, key=made.key.id)

        assert await keys.own(other) == []
