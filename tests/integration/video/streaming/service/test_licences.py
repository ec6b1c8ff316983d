import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import delete
from tests.integration.video.conftest import Studio

from vitascope.foundation.context import Context
from vitascope.foundation.storage.keys import ObjectPrefix
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.keys.contracts import Keys
from vitascope.transcoding.pipeline.protection import Protection, ProtectionProfile
from vitascope.video.catalog.contracts import Title, TitleChanges, Visibility
from vitascope.video.catalog.service.titles import TitleService
from vitascope.video.streaming.contracts import Playback
from vitascope.video.streaming.models import sessions
from vitascope.video.streaming.service.licences import LicenceService
from vitascope.video.streaming.service.playback import StreamingService
from vitascope.video.streaming.service.tokens import Tokens

LABELS = ("AUDIO", "SD", "HD")


@dataclass
class Protected:
    """A title whose film is protected, and its keys."""

    title: Title
    protection: Protection

    @property
    def kids(self) -> Sequence[str]:
        """The ids of all its keys, as a player names them."""
        return [encoded(one.kid) for one in self.protection.keys]


@dataclass
class Box:
    """The place where films are protected and played."""

    studio: Studio
    platform: PlatformUnderTest

    async def protect(self, ctx: Context) -> Protected:
        """A new published title with keys."""
        title = await self.studio.film(ctx)
        keys = self.platform.container.get(Keys)  # type: ignore[type-abstract]  # a port is asked for by its Protocol
        made = await keys.for_set(
            ctx.as_platform(), name=str(title.job), profile=ProtectionProfile(), labels=LABELS
        )
        return Protected(title, made)

    async def play(self, ctx: Context, film: Protected) -> Playback:
        """An open playback of it."""
        return await self.platform.container.get(StreamingService).open(ctx, title=film.title.id)


@pytest.fixture
def box(studio: Studio, platform: PlatformUnderTest) -> Box:
    """Films and keys."""
    return Box(studio, platform)


@pytest.fixture
async def player(platform: PlatformUnderTest) -> AsyncIterator[httpx.AsyncClient]:
    """A player: it has no credentials but its addresses."""
    async with platform.client() as client:
        yield client


def encoded(digits: str) -> str:
    """Hexadecimal as base64url."""
    return urlsafe_b64encode(bytes.fromhex(digits)).rstrip(b"=").decode()


def keys_in(answer: httpx.Response) -> dict[str, str]:
    """The keys of a licence by their ids, in hexadecimal."""
    assert answer.status_code == 200, answer.text
    return {_hex(one["kid"]): _hex(one["k"]) for one in answer.json()["keys"]}


def _hex(text: str) -> str:
    return urlsafe_b64decode(text + "==").hex()


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status and type of a problem, which holds no key."""
    assert "keys" not in answer.json()
    return answer.status_code, answer.json()["type"]


REFUSED = (403, "vitascope:licence-refused")


class TestGive:
    async def test_gives_the_keys_of_the_film(
        self, box: Box, ctx: Context, player: httpx.AsyncClient
    ) -> None:
        """A player gets the keys that it asks for, in a form that no cache keeps."""
        film = await box.protect(ctx)
        visitor = Context(tenant=ctx.tenant)
        playback = await box.play(visitor, film)

        answer = await player.post(playback.licence, json={"kids": film.kids, "type": "temporary"})

        assert keys_in(answer) == {one.kid: one.key for one in film.protection.keys}
        assert answer.json()["type"] == "temporary"
        assert {one["kty"] for one in answer.json()["keys"]} == {"oct"}
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["access-control-allow-origin"] == "*"

    async def test_gives_only_what_is_asked(self, box: Box, ctx: Context, player: httpx.AsyncClient) -> None:
        """Who asks for the key of one class gets that one."""
        film = await box.protect(ctx)
        playback = await box.play(ctx, film)

        answer = await player.post(playback.licence, json={"kids": film.kids[:1]})

        assert list(keys_in(answer)) == [film.protection.keys[0].kid]

    async def test_opens_no_other_film(self, box: Box, ctx: Context, player: httpx.AsyncClient) -> None:
        """A playback opens the keys of its own film, and none of another's, even of the same tenant."""
        film, other = await box.protect(ctx), await box.protect(ctx)
        playback = await box.play(ctx, film)

        both = await player.post(playback.licence, json={"kids": [*film.kids, *other.kids]})
        only = await player.post(playback.licence, json={"kids": other.kids})

        assert set(keys_in(both)) == {one.kid for one in film.protection.keys}
        assert refusal(only) == REFUSED

    async def test_opens_nothing_of_another_tenant(
        self, box: Box, ctx: Context, stranger: Context, player: httpx.AsyncClient
    ) -> None:
        """A viewer of another tenant gets no key, whatever title and ids are known there."""
        film, theirs = await box.protect(ctx), await box.protect(stranger)
        playback = await box.play(stranger, theirs)

        answer = await player.post(playback.licence, json={"kids": film.kids})

        assert refusal(answer) == REFUSED

    async def test_a_server_that_does_not_ask_whose_is_seen(
        self, box: Box, ctx: Context, stranger: Context, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Planted: a licence server that believes which film is meant gives its keys away."""
        film, theirs = await box.protect(ctx), await box.protect(ctx)
        playback = await box.play(ctx, theirs)
        monkeypatch.setattr(Tokens, "keys_of", lambda _self, _token: str(film.title.job))
        server = box.platform.container.get(LicenceService)

        asked = json.dumps({"kids": film.kids}).encode()
        given = json.loads(await server.give(token=playback.licence.rpartition("/")[2], asked=asked))

        assert len(given["keys"]) == len(LABELS)

    async def test_refuses_forged_and_expired_tokens(
        self, box: Box, ctx: Context, player: httpx.AsyncClient
    ) -> None:
        """A token that is not ours, or whose time is over, opens nothing."""
        film = await box.protect(ctx)
        playback = await box.play(ctx, film)
        old = box.platform.container.get(Tokens).sign(
            playback=playback.id,
            title=playback.title,
            prefix=ObjectPrefix(str(film.title.output)),
            until=datetime.now(UTC) - timedelta(seconds=1),
            keys=str(film.title.job),
        )

        forged = await player.post(playback.licence + "A", json={"kids": film.kids})
        expired = await player.post(f"/licences/{old}", json={"kids": film.kids})

        assert refusal(forged) == (403, "vitascope:token-refused")
        assert refusal(expired) == (403, "vitascope:token-expired")

    async def test_a_hidden_title_gives_no_more_keys(
        self, box: Box, ctx: Context, player: httpx.AsyncClient
    ) -> None:
        """A title made private is not for visitors any more; its owner goes on."""
        film = await box.protect(ctx)
        visit = await box.play(Context(tenant=ctx.tenant), film)
        own = await box.play(ctx, film)
        private = TitleChanges(visibility=Visibility.PRIVATE)
        await box.platform.container.get(TitleService).edit(ctx, title=film.title.id, changes=private)

        visitor = await player.post(visit.licence, json={"kids": film.kids})
        owner = await player.post(own.licence, json={"kids": film.kids})

        assert refusal(visitor) == REFUSED
        assert len(keys_in(owner)) == len(LABELS)

    async def test_a_removed_title_has_no_keys(
        self, box: Box, ctx: Context, player: httpx.AsyncClient
    ) -> None:
        """With a title its keys are destroyed."""
        film = await box.protect(ctx)
        playback = await box.play(ctx, film)
        await box.platform.container.get(TitleService).remove(ctx, title=film.title.id)
        await box.platform.pump()
        keys = box.platform.container.get(Keys)  # type: ignore[type-abstract]  # a port is asked for by its Protocol

        answer = await player.post(playback.licence, json={"kids": film.kids})
        left = await keys.of_ids(
            ctx.as_platform(), name=str(film.title.job), kids=[one.kid for one in film.protection.keys]
        )

        assert refusal(answer) == REFUSED
        assert left == []

    async def test_an_ended_session_gives_no_more_keys(
        self, box: Box, ctx: Context, player: httpx.AsyncClient
    ) -> None:
        """A playback whose session was ended is refused though its token still lives."""
        film = await box.protect(ctx)
        playback = await box.play(ctx, film)
        async with box.platform.db.transaction(ctx) as tx:
            await tx.execute(delete(sessions))

        answer = await player.post(playback.licence, json={"kids": film.kids})

        assert refusal(answer) == REFUSED

    async def test_a_clear_film_has_none(self, box: Box, ctx: Context, player: httpx.AsyncClient) -> None:
        """There is nothing to give for a film that is not protected."""
        film = Protected(await box.studio.film(ctx), (await box.protect(ctx)).protection)
        playback = await box.play(ctx, film)

        assert refusal(await player.post(playback.licence, json={"kids": film.kids})) == REFUSED

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            (b"", "body"),
            (b"[]", "body"),
            ({"kids": "AAAA"}, "body"),
            ({"kids": []}, "kids"),
            ({"kids": ["AAAA"]}, "kids"),
            ({"kids": ["\u00fc"]}, "kids"),
            ({"kids": ["A" * 22], "type": "persistent-license"}, "type"),
            ({"kids": [f"{number:02}" + "A" * 20 for number in range(65)]}, "kids"),
        ],
    )
    async def test_refuses_what_is_no_request(
        self, box: Box, ctx: Context, player: httpx.AsyncClient, body: Any, field: str
    ) -> None:
        """What is wrong with a request is said by name."""
        playback = await box.play(ctx, await box.protect(ctx))
        content = body if isinstance(body, bytes) else json.dumps(body).encode()

        answer = await player.post(playback.licence, content=content)

        assert (answer.status_code, answer.json()["field"]) == (422, field)

    async def test_takes_no_large_request(self, box: Box, ctx: Context, player: httpx.AsyncClient) -> None:
        """A request that is larger than any player's is not read."""
        playback = await box.play(ctx, await box.protect(ctx))

        assert (await player.post(playback.licence, content=b" " * 5000)).status_code == 413

    async def test_answers_preflight(self, player: httpx.AsyncClient) -> None:
        """Pages of other origins may ask: the token is the right."""
        answer = await player.options("/licences/any")

        assert (answer.status_code, answer.headers["access-control-allow-methods"]) == (204, "POST")
