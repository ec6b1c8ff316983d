import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from vitascope.foundation.context import PLATFORM, AccountId, Context
from vitascope.foundation.errors import Forbidden, QuotaExceeded, TooManyRequests, Unauthenticated
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.testing.clock import ManualClock
from vitascope.identity.tenants.contracts import Quota, Tenant
from vitascope.identity.tenants.service import TenantService
from vitascope.identity.users.adapters.argon2 import PasswordHashes
from vitascope.identity.users.contracts import (
    Account,
    AccountExists,
    LastOwner,
    NoSuchAccount,
    Role,
    SignUpClosed,
    VerificationExpired,
    WrongCredentials,
)
from vitascope.identity.users.events import AccountCreated, RoleChanged
from vitascope.identity.users.service.accounts import AccountService, SignUpJanitor
from vitascope.runtime.testing import PlatformUnderTest

ADA = "ada@example.org"
PASSWORD = "correct horse battery"
OTHER_PASSWORD = "staple battery horse"
HOUR = 3600

Letters = Callable[[], Sequence[Any]]
People = Callable[..., Awaitable[Account]]
ContextOf = Callable[[Account], Context]


def token_in(letter: Any) -> str:
    """The token of the link in a letter."""
    found = re.search(r"/verify\?token=(\S+)", letter.get_content())
    assert found
    return found[1]


@pytest.fixture
async def sign_up(
    platform: PlatformUnderTest, accounts: AccountService, visitor: Context, letters: Letters
) -> Callable[..., Awaitable[str]]:
    """Signs somebody up and reads the token in the mailed link."""

    async def do(email: str = ADA, password: str = PASSWORD) -> str:
        await accounts.sign_up(visitor, email=email, password=password, name="Ada")
        await platform.pump()
        return token_in(letters()[-1])

    return do


SignUp = Callable[..., Awaitable[str]]


class TestSignUp:
    async def test_link_makes_the_account(
        self, accounts: AccountService, visitor: Context, sign_up: SignUp, letters: Letters
    ) -> None:
        """Whoever follows the mailed link has an account and can sign in."""
        token = await sign_up()

        account = await accounts.verify(visitor, token=token)

        assert letters()[0]["To"] == ADA
        assert f"token={token}\n" in letters()[0].as_string()  # whole, also to who reads the file
        assert (account.email, account.role) == (ADA, Role.VIEWER)
        assert await accounts.check(visitor, email="ADA@Example.org", password=PASSWORD) == account

    async def test_unverified_cannot_sign_in(
        self, accounts: AccountService, visitor: Context, sign_up: SignUp
    ) -> None:
        """Before the link is followed there is no account to sign in to."""
        await sign_up()

        with pytest.raises(WrongCredentials):
            await accounts.check(visitor, email=ADA, password=PASSWORD)

    @pytest.mark.parametrize("name", ["win at evil.example/now", "https://evil.example", "eve@evil.example"])
    async def test_letter_links_nowhere_else(
        self,
        platform: PlatformUnderTest,
        accounts: AccountService,
        visitor: Context,
        letters: Letters,
        name: str,
    ) -> None:
        """Nobody sends links of their own to strangers by typing them as a name."""
        await accounts.sign_up(visitor, email=ADA, password=PASSWORD, name=name)
        await platform.pump()

        [letter] = letters()
        assert "evil" not in letter.as_string()

    async def test_link_works_once(self, accounts: AccountService, visitor: Context, sign_up: SignUp) -> None:
        """A link that was followed is worth nothing."""
        token = await sign_up()
        await accounts.verify(visitor, token=token)

        with pytest.raises(VerificationExpired):
            await accounts.verify(visitor, token=token)

    async def test_many_follow_the_link_at_once(
        self, platform: PlatformUnderTest, accounts: AccountService, visitor: Context, sign_up: SignUp
    ) -> None:
        """Of twenty that follow one link at once exactly one makes the account."""
        token = await sign_up()

        answers = await asyncio.gather(
            *(accounts.verify(visitor, token=token) for _ in range(20)), return_exceptions=True
        )

        assert [type(one) for one in answers if not isinstance(one, VerificationExpired)] == [Account]
        assert len(await platform.events(AccountCreated)) == 1

    async def test_link_expires(
        self, accounts: AccountService, visitor: Context, sign_up: SignUp, clock: ManualClock
    ) -> None:
        """A day later the link does nothing."""
        token = await sign_up()
        clock.advance(24 * HOUR)

        with pytest.raises(VerificationExpired):
            await accounts.verify(visitor, token=token)

    async def test_expired_are_forgotten(
        self, platform: PlatformUnderTest, sign_up: SignUp, clock: ManualClock
    ) -> None:
        """The janitor drops sign-ups of every tenant once their time is over, and no others."""
        await sign_up()
        janitor = platform.container.get(SignUpJanitor)
        early = await janitor.forget_expired(clock.now())
        clock.advance(24 * HOUR)

        late = await janitor.forget_expired(clock.now())

        assert (early, late) == (0, 1)

    async def test_known_address_is_told_by_mail_only(
        self, platform: PlatformUnderTest, accounts: AccountService, visitor: Context, person: People,
        letters: Letters,
    ) -> None:  # fmt: skip
        """Who signs up with the address of an account gets the same answer, and a letter without a link."""
        await person(ADA)

        await accounts.sign_up(visitor, email=ADA, password=OTHER_PASSWORD, name="Mallory")
        await platform.pump()

        [letter] = letters()
        assert "already" in letter.get_content()
        assert "token" not in letter.get_content()
        assert "Mallory" not in letter.get_content()

    async def test_password_belongs_to_the_link(
        self, accounts: AccountService, visitor: Context, sign_up: SignUp
    ) -> None:
        """Who signs up with somebody else's address gains nothing when that person signs up too."""
        await sign_up(password=OTHER_PASSWORD)
        own = await sign_up(password=PASSWORD)

        await accounts.verify(visitor, token=own)

        with pytest.raises(WrongCredentials):
            await accounts.check(visitor, email=ADA, password=OTHER_PASSWORD)

    async def test_other_links_die_with_the_first(
        self, accounts: AccountService, visitor: Context, sign_up: SignUp
    ) -> None:
        """Once an address is confirmed, no other link mailed to it does anything."""
        first, second = await sign_up(), await sign_up()
        await accounts.verify(visitor, token=second)

        with pytest.raises(VerificationExpired):
            await accounts.verify(visitor, token=first)

    async def test_token_is_kept_nowhere(self, platform: PlatformUnderTest, sign_up: SignUp) -> None:
        """Neither the log of events nor the table of sign-ups holds the token of the link."""
        token = await sign_up()

        async with platform.db.system() as connection:
            kept = await connection.exec_driver_sql(
                "SELECT s::text FROM identity_users.sign_ups s UNION ALL SELECT l::text FROM events.log l"
            )
            rows = [row[0] for row in kept]

        assert any("send_letter" in row for row in rows)
        assert [row for row in rows if token in row or PASSWORD in row] == []

    async def test_closed(
        self, accounts: AccountService, visitor: Context, tenants: TenantService, home: Tenant
    ) -> None:
        """A tenant that has closed its sign-up takes nobody."""
        platform = Context(tenant=home.id, principal=PLATFORM)
        await tenants.set_settings(platform, settings={"sign_up": "closed"})

        with pytest.raises(SignUpClosed):
            await accounts.sign_up(visitor, email=ADA, password=PASSWORD, name="Ada")

    async def test_role_is_the_tenants_choice(
        self, accounts: AccountService, visitor: Context, tenants: TenantService, home: Tenant,
        sign_up: SignUp,
    ) -> None:  # fmt: skip
        """A tenant says what new accounts may do."""
        platform = Context(tenant=home.id, principal=PLATFORM)
        await tenants.set_settings(platform, settings={"new_account_role": "editor"})

        account = await accounts.verify(visitor, token=await sign_up())

        assert account.role is Role.EDITOR

    async def test_quota(
        self, accounts: AccountService, visitor: Context, tenants: TenantService, home: Tenant,
        sign_up: SignUp,
    ) -> None:  # fmt: skip
        """A tenant has no more accounts than its share; the link still works when there is room again."""
        platform = Context(tenant=home.id, principal=PLATFORM)
        await tenants.set_quota(platform, quota=Quota.ACCOUNTS, value=0)
        token = await sign_up()
        with pytest.raises(QuotaExceeded):
            await accounts.verify(visitor, token=token)
        await tenants.set_quota(platform, quota=Quota.ACCOUNTS, value=1)

        account = await accounts.verify(visitor, token=token)

        assert account.email == ADA

    async def test_limited_per_address(self, accounts: AccountService, visitor: Context) -> None:
        """One network address signs up twenty times an hour at most, whatever it types."""
        for number in range(20):
            await accounts.sign_up(
                visitor, email=f"a{number}@example.org", password=PASSWORD, name="A", address="192.0.2.1"
            )

        with pytest.raises(TooManyRequests):
            await accounts.sign_up(visitor, email=ADA, password=PASSWORD, name="A", address="192.0.2.1")

    async def test_limited_per_email(self, accounts: AccountService, visitor: Context) -> None:
        """Nobody's mailbox is filled with our letters, from however many network addresses."""
        for number in range(5):
            await accounts.sign_up(
                visitor, email=ADA, password=PASSWORD, name="A", address=f"192.0.2.{number}"
            )

        with pytest.raises(TooManyRequests):
            await accounts.sign_up(
                visitor, email="ADA@EXAMPLE.ORG", password=PASSWORD, name="A", address="192.0.2.99"
            )


class TestSameForUnknown:
    async def test_sign_up_does_the_same_work(
        self, platform: PlatformUnderTest, accounts: AccountService, visitor: Context, person: People
    ) -> None:
        """Sign-up runs the same statements and hashes for a known address as for an unknown one.

        The first one also asks for the tenant, which is then remembered.
        """
        await person(ADA)
        await accounts.sign_up(visitor, email="first@example.org", password=PASSWORD, name="First")
        hashes = platform.container.get(PasswordHashes)
        work = []

        for email in (ADA, "nobody@example.org"):
            calls = hashes.calls
            with platform.statements() as seen:
                await accounts.sign_up(visitor, email=email, password=PASSWORD, name="Ada")
            work.append((seen.texts, hashes.calls - calls))

        assert work[0] == work[1]
        assert work[0][1] == 1

    async def test_check_does_the_same_work(
        self, platform: PlatformUnderTest, accounts: AccountService, visitor: Context, person: People
    ) -> None:
        """A wrong password and an unknown address cost the same statements and hashes."""
        await person(ADA)
        hashes = platform.container.get(PasswordHashes)
        work = []

        for email in (ADA, "nobody@example.org", "no address at all"):
            calls = hashes.calls
            with platform.statements() as seen, pytest.raises(WrongCredentials):
                await accounts.check(visitor, email=email, password=OTHER_PASSWORD)
            work.append((seen.texts, hashes.calls - calls))

        assert work[0] == work[1] == work[2]
        assert work[0][1] == 1


class TestCheck:
    async def test_better_hash_replaces_the_old(
        self, platform: PlatformUnderTest, accounts: AccountService, visitor: Context, person: People
    ) -> None:
        """When hashes become dearer, an account gets its dearer hash the next time it signs in."""
        account = await person(ADA)
        dearer = PasswordHashes(
            settings=platform.container.get(PasswordHashes).settings.model_copy(update={"rounds": 3})
        )
        platform.container.put(PasswordHashes, dearer)
        renewed = platform.container.make(AccountService)

        assert await renewed.check(visitor, email=ADA, password=PASSWORD) == account
        calls = dearer.calls
        await renewed.check(visitor, email=ADA, password=PASSWORD)

        assert calls == 2
        assert dearer.calls - calls == 1

    async def test_letters_however_composed(
        self, accounts: AccountService, visitor: Context, home: Tenant
    ) -> None:
        """A password is the same on a keyboard that composes its letters differently."""
        platform = Context(tenant=home.id, principal=PLATFORM)
        await accounts.create(
            platform, email=ADA, password="cafe\u0301 cre\u0300me", name="Ada", role=Role.VIEWER
        )

        account = await accounts.check(visitor, email=ADA, password="caf\u00e9 cr\u00e8me")

        assert account.email == ADA

    async def test_other_tenant(
        self, accounts: AccountService, person: People, tenants: TenantService
    ) -> None:
        """An account of one tenant is nobody in another."""
        await person(ADA)
        other = await tenants.create(slug="other", name="Other")

        with pytest.raises(WrongCredentials):
            await accounts.check(Context(tenant=other.id), email=ADA, password=PASSWORD)


class TestCreate:
    async def test_needs_the_right(
        self, accounts: AccountService, person: People, context_of: ContextOf, visitor: Context
    ) -> None:
        """Neither a stranger nor an editor makes accounts."""
        editor = context_of(await person(ADA, Role.EDITOR))

        for ctx, error in ((visitor, Unauthenticated), (editor, Forbidden)):
            with pytest.raises(error):
                await accounts.create(
                    ctx, email="b@example.org", password=PASSWORD, name="B", role=Role.VIEWER
                )

    async def test_known_address(self, person: People) -> None:
        """Two accounts cannot share an address, however it is spelt."""
        await person(ADA)

        with pytest.raises(AccountExists):
            await person("Ada@EXAMPLE.org")


class TestSetRole:
    async def test_tells(
        self, platform: PlatformUnderTest, accounts: AccountService, person: People, context_of: ContextOf
    ) -> None:
        """An owner's change of a role holds and is told."""
        owner, ada = await person("owner@example.org", Role.OWNER), await person(ADA)

        changed = await accounts.set_role(context_of(owner), account=ada.id, role=Role.EDITOR)

        assert changed.role is Role.EDITOR
        told = RoleChanged(account=ada.id, role=Role.EDITOR, by=owner.id)
        assert await platform.events(RoleChanged) == [told]

    async def test_last_owner_stays(
        self, accounts: AccountService, person: People, context_of: ContextOf
    ) -> None:
        """Two owners who step down at once leave one owner."""
        owners = [await person(f"{name}@example.org", Role.OWNER) for name in ("a", "b")]

        answers = await asyncio.gather(
            *(accounts.set_role(context_of(one), account=one.id, role=Role.VIEWER) for one in owners),
            return_exceptions=True,
        )

        assert sorted(type(one).__name__ for one in answers) == [Account.__name__, LastOwner.__name__]

    async def test_unknown_account(
        self, accounts: AccountService, person: People, context_of: ContextOf
    ) -> None:
        """The role of nobody cannot be changed."""
        owner = context_of(await person(ADA, Role.OWNER))

        with pytest.raises(NoSuchAccount):
            await accounts.set_role(owner, account=RandomIds().new(AccountId), role=Role.EDITOR)


class TestNames:
    async def test_one_statement(
        self, platform: PlatformUnderTest, accounts: AccountService, person: People, visitor: Context
    ) -> None:
        """The names of any number of accounts cost one statement; who does not exist has none."""
        ids = [(await person(f"{number}@example.org")).id for number in range(3)]

        with platform.statements() as seen:
            names = await accounts.names(visitor, accounts=[*ids, RandomIds().new(AccountId)])

        assert names == dict.fromkeys(ids, "Ada")
        assert seen.count == 1
