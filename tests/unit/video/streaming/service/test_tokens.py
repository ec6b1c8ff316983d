from datetime import UTC, datetime, timedelta

import pytest

from vitascope.foundation.context import TenantId
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.secrets import Secrets
from vitascope.foundation.storage.keys import ObjectPrefix
from vitascope.foundation.storage.signing import TokenExpired, TokenRefused
from vitascope.video.catalog.contracts import TitleId
from vitascope.video.streaming.contracts import PlaybackId, Watching
from vitascope.video.streaming.service.settings import StreamingSettings
from vitascope.video.streaming.service.tokens import Tokens

IDS = RandomIds()
TENANT, TITLE, PLAYBACK = IDS.new(TenantId), IDS.new(TitleId), IDS.new(PlaybackId)
PREFIX = ObjectPrefix(f"{TENANT}/renditions/job/")
START = datetime(2026, 11, 22, tzinfo=UTC)


class Watch:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        """The instant that was set."""
        return self.at


def _tokens(clock: Watch, *, edge: bool = False, master: bytes = b"k" * 32) -> Tokens:
    return Tokens(secrets=Secrets(master), clock=clock, settings=StreamingSettings(edge=edge))


def _signed(tokens: Tokens) -> str:
    return tokens.sign(playback=PLAYBACK, title=TITLE, prefix=PREFIX, until=START + timedelta(hours=1))


class TestTokens:
    @pytest.mark.parametrize("edge", [False, True])
    def test_opens_what_was_signed(self, edge: bool) -> None:
        """A token opens its folder and says whose playback it is, also with the edge's signature beside."""
        tokens = _tokens(Watch(), edge=edge)

        token = _signed(tokens)

        assert tokens.grant(token).prefix == PREFIX
        assert tokens.of_token(token) == Watching(playback=PLAYBACK, title=TITLE, tenant=TENANT)

    def test_expires_though_it_is_remembered(self) -> None:
        """A token that was good a moment ago ends at its instant."""
        clock = Watch()
        tokens = _tokens(clock)
        token = _signed(tokens)
        tokens.grant(token)

        clock.at = START + timedelta(hours=1)

        with pytest.raises(TokenExpired):
            tokens.grant(token)
        with pytest.raises(TokenExpired):
            _tokens(clock).grant(token)

    def test_refuses_every_changed_character(self) -> None:
        """A token of which any one character was changed is refused."""
        tokens = _tokens(Watch())
        token = _signed(tokens)

        for place in range(len(token)):
            changed = token[:place] + ("B" if token[place] == "A" else "A") + token[place + 1 :]
            with pytest.raises(TokenRefused):
                tokens.grant(changed)

    @pytest.mark.parametrize("token", ["", ".", "~", "a" * 5000, "ü.ü", "a.b~c"])
    def test_refuses_what_is_none(self, token: str) -> None:
        """What never was a token is refused like a forged one."""
        with pytest.raises(TokenRefused):
            _tokens(Watch()).grant(token)

    def test_refuses_those_of_another_platform(self) -> None:
        """A token signed with another master key is refused."""
        token = _signed(_tokens(Watch(), master=b"o" * 32))

        with pytest.raises(TokenRefused):
            _tokens(Watch()).grant(token)
