import asyncio
from collections.abc import Sequence
from datetime import datetime

import asyncpg
import pytest
from sqlalchemy import select, text, update

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Transaction
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.errors import Forbidden, Invalid
from vitascope.foundation.secrets import Secrets
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.keys import repository
from vitascope.transcoding.keys.adapters.wrapping import ContentKeyWrap
from vitascope.transcoding.keys.contracts import Keys
from vitascope.transcoding.keys.models import content_keys
from vitascope.transcoding.keys.repository import KeptKey
from vitascope.transcoding.keys.service.keys import KeyService
from vitascope.transcoding.keys.service.sources import OwnKeys
from vitascope.transcoding.pipeline.protection import Protection, ProtectionProfile, TrackKey

LABELS = ("AUDIO", "SD", "HD")
PROFILE = ProtectionProfile()
SET = "job_1"
AT_ONCE = 8


@pytest.fixture
def keys(platform: PlatformUnderTest) -> Keys:
    """The key service."""
    return platform.container.get(Keys)  # type: ignore[type-abstract]  # a port is asked for by its Protocol


@pytest.fixture
def ours(ctx: Context) -> Context:
    """The platform, asking for the tenant."""
    return ctx.as_platform()


class Together:
    """A source that gives keys once all have asked: so nobody finds those of another."""

    def __init__(self) -> None:
        self._barrier = asyncio.Barrier(AT_ONCE)

    async def keys(
        self, ctx: Context, *, name: str, profile: ProtectionProfile, labels: Sequence[str]
    ) -> Sequence[TrackKey]:
        """New keys, for all at the same time."""
        await self._barrier.wait()
        return await OwnKeys().keys(ctx, name=name, profile=profile, labels=labels)


@pytest.fixture
def at_once(platform: PlatformUnderTest) -> Keys:
    """The key service, asked by several at the same time."""
    return KeyService(
        db=platform.db,
        clock=SystemClock(),
        wrap=platform.container.get(ContentKeyWrap),
        source=Together(),
    )


async def ask(keys: Keys, ctx: Context, name: str = SET, labels: Sequence[str] = LABELS) -> Protection:
    """The keys of a set."""
    return await keys.for_set(ctx, name=name, profile=PROFILE, labels=labels)


class TestForSet:
    async def test_classes_and_sets_share_nothing(self, keys: Keys, ours: Context) -> None:
        """Every class of every set has an id, a key and a vector of its own."""
        found = [*(await ask(keys, ours)).keys, *(await ask(keys, ours, "job_2")).keys]

        assert [one.label for one in found] == [*LABELS, *LABELS]
        for name in ("kid", "key", "iv"):
            assert len({getattr(one, name) for one in found}) == len(found)

    async def test_repeating_gives_the_same(self, keys: Keys, ours: Context) -> None:
        """A retried job gets the keys of its first attempt, and a new class only a new one beside them."""
        first = await ask(keys, ours)

        again = await ask(keys, ours)
        more = await ask(keys, ours, labels=(*LABELS, "UHD1"))

        assert again == first
        assert more.keys[:3] == first.keys

    async def test_attempts_at_once_agree(self, at_once: Keys, ours: Context) -> None:
        """Of many who make a new set's keys at the same time, all get the same ones."""
        found = await asyncio.gather(*(ask(at_once, ours) for _ in range(AT_ONCE)))

        assert len({one.keys for one in found}) == 1

    async def test_a_store_that_overwrites_is_seen(
        self, at_once: Keys, ours: Context, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Planted: where the last to write wins instead of the first, attempts disagree about the keys."""
        add = repository.add

        async def overwrite(tx: Transaction, *, name: str, keys: Sequence[KeptKey], at: datetime) -> None:
            await tx.execute(text("SELECT pg_advisory_xact_lock(1)"))
            await repository.remove(tx, name=name)
            await add(tx, name=name, keys=keys, at=at)

        monkeypatch.setattr(repository, "add", overwrite)

        found = await asyncio.gather(*(ask(at_once, ours) for _ in range(AT_ONCE)))

        assert len({one.keys for one in found}) > 1

    async def test_is_for_the_platform_only(self, keys: Keys, ctx: Context) -> None:
        """Nobody who is signed in, whatever the permissions, is given a key or may destroy one."""
        for asking in (
            ask(keys, ctx),
            keys.of_ids(ctx, name=SET, kids=["0" * 32]),
            keys.forget(ctx, name=SET),
        ):
            with pytest.raises(Forbidden):
                await asking

    async def test_refuses_nothing_at_all(self, keys: Keys, ours: Context) -> None:
        """A set without classes has no keys."""
        with pytest.raises(Invalid):
            await ask(keys, ours, labels=())


class TestOfIds:
    async def test_gives_those_of_the_set(self, keys: Keys, ours: Context) -> None:
        """Keys are found by their ids within their set; ids of another set are not there."""
        here, there = await ask(keys, ours), await ask(keys, ours, "job_2")

        found = await keys.of_ids(ours, name=SET, kids=[here.keys[1].kid, there.keys[0].kid, "0" * 32])

        assert found == [here.keys[1]]

    async def test_are_not_there_for_another_tenant(
        self, keys: Keys, ours: Context, stranger: Context
    ) -> None:
        """Another tenant finds nothing by the same ids and names, and gets keys of its own."""
        here = await ask(keys, ours)

        found = await keys.of_ids(stranger.as_platform(), name=SET, kids=[one.kid for one in here.keys])
        theirs = await ask(keys, stranger.as_platform())

        assert found == []
        assert not {one.key for one in here.keys} & {one.key for one in theirs.keys}

    async def test_refuses_what_is_no_id(self, keys: Keys, ours: Context) -> None:
        """What is no id is refused by name, and so is asking for very many."""
        for kids in (["x"], ["0" * 32] * 65):
            with pytest.raises(Invalid) as refused:
                await keys.of_ids(ours, name=SET, kids=kids)
            assert refused.value.field == "kids"


class TestForget:
    async def test_destroys_the_set_only(self, keys: Keys, ours: Context, stranger: Context) -> None:
        """The keys of a set go; those of other sets and tenants stay."""
        here, there = await ask(keys, ours), await ask(keys, ours, "job_2")
        theirs = await ask(keys, stranger.as_platform())

        await keys.forget(ours, name=SET)
        await keys.forget(ours, name=SET)

        assert await keys.of_ids(ours, name=SET, kids=[one.kid for one in here.keys]) == []
        assert (await ask(keys, ours, "job_2"), await ask(keys, stranger.as_platform())) == (there, theirs)


class TestTable:
    async def test_holds_no_plain_key(self, keys: Keys, ours: Context, endpoint: Endpoint) -> None:
        """Who reads the whole table as its owner finds no key in it."""
        made = await ask(keys, ours)
        connection = await asyncpg.connect(endpoint.dsn(Role.SYSTEM))
        kept = await connection.fetch("SELECT wrapped FROM transcoding_keys.content_keys")
        await connection.close()

        plain = [bytes.fromhex(part) for one in made.keys for part in (one.key, one.iv)]
        assert len(kept) == len(LABELS)
        assert not any(part in row["wrapped"] for part in plain for row in kept)

    async def test_a_moved_row_does_not_open(
        self, platform: PlatformUnderTest, keys: Keys, ours: Context
    ) -> None:
        """A wrapped key that is copied over that of another class opens nothing."""
        await ask(keys, ours)
        async with platform.db.transaction(ours) as tx:
            stolen = await tx.scalar(select(content_keys.c.wrapped).where(content_keys.c.label == "AUDIO"))
            await tx.execute(update(content_keys).values(wrapped=stolen).where(content_keys.c.label == "SD"))

        with pytest.raises(ValueError, match="wrapped elsewhere"):
            await ask(keys, ours)


class TestWrap:
    async def test_another_master_key_opens_nothing(
        self, platform: PlatformUnderTest, keys: Keys, ours: Context
    ) -> None:
        """With another master key the stored keys are worth nothing, and the error names no key."""
        made = await ask(keys, ours)
        other = KeyService(
            db=platform.db,
            clock=SystemClock(),
            wrap=ContentKeyWrap(secrets=Secrets(b"x" * 32)),
            source=OwnKeys(),
        )

        with pytest.raises(ValueError, match="another master key") as refused:
            await ask(other, ours)

        assert made.keys[0].key not in str(refused.value)
