"""The token of a playback: what it opens, checked once and remembered until it expires."""

from datetime import datetime

from pydantic import SecretStr

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import TenantId
from vitascope.foundation.secrets import Secrets
from vitascope.foundation.storage.keys import ObjectPrefix
from vitascope.foundation.storage.signing import Grant, PathSigner, TokenExpired, TokenRefused
from vitascope.video.catalog.contracts import TitleId
from vitascope.video.streaming.contracts import PlaybackId, Watching

_PURPOSE = "video.streaming media token"
_PLAYBACK, _TITLE = "p", "t"
_MOST_REMEMBERED = 10_000
_LONGEST = 600  # characters; ours have some 250


class Tokens:
    """Implements `contracts.Playbacks`, and opens folders for delivery. Safe to use from several threads."""

    def __init__(self, *, secrets: Secrets, clock: Clock) -> None:
        self._signer = PathSigner(secrets=[SecretStr(secrets.derive(_PURPOSE).hex())])
        self._clock = clock
        self._known: dict[str, tuple[float, Grant]] = {}

    def now(self) -> datetime:
        """The instant by which tokens are judged."""
        return self._clock.now()

    def sign(self, *, playback: PlaybackId, title: TitleId, prefix: ObjectPrefix, until: datetime) -> str:
        """A token that opens all files below the prefix."""
        claims = {_PLAYBACK: str(playback), _TITLE: str(title)}
        return self._signer.sign(Grant(prefix=prefix, expires=until, claims=claims))

    def grant(self, token: str) -> Grant:
        """What a token opens; raises TokenRefused or TokenExpired.

        A segment of a playback is asked for every few seconds: its token's signature is checked at
        the first of them. Only good tokens are remembered, so a flood of bad ones pushes nothing out.
        """
        now = self._clock.now()
        known = self._known.get(token)
        if known is None:
            return self._check(token, now)
        if now.timestamp() >= known[0]:
            self._known.pop(token, None)
            raise TokenExpired
        return known[1]

    def of_token(self, token: str) -> Watching:
        """The playback of a token; raises TokenRefused or TokenExpired."""
        grant = self.grant(token)
        return Watching(
            playback=PlaybackId(grant.claims[_PLAYBACK]),
            title=TitleId(grant.claims[_TITLE]),
            tenant=TenantId(grant.prefix.partition("/")[0]),
        )

    def _check(self, token: str, now: datetime) -> Grant:
        if len(token) > _LONGEST:
            raise TokenRefused
        grant = self._signer.grant(token, now=now)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[token] = (grant.expires.timestamp(), grant)
        return grant
