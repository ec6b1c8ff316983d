"""The token of a playback: what it opens, checked once and remembered until it expires."""

import hashlib
from base64 import urlsafe_b64encode
from datetime import datetime

from pydantic import SecretStr

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import TenantId
from vitascope.foundation.secrets import Secrets
from vitascope.foundation.storage.keys import ObjectPrefix
from vitascope.foundation.storage.signing import Grant, PathSigner, TokenExpired, TokenRefused
from vitascope.video.catalog.contracts import TitleId
from vitascope.video.streaming.contracts import PlaybackId, Watching
from vitascope.video.streaming.service.settings import StreamingSettings

_PURPOSE = "video.streaming media token"
_EDGE_PURPOSE = "video.streaming edge signature"
_PLAYBACK, _TITLE, _KEYS = "p", "t", "k"
_MOST_REMEMBERED = 10_000
_LONGEST = 1000  # characters; ours have some 250, and 150 more for the edge
_FEWEST_PARTS, _MOST_PARTS = 3, 4


class Tokens:
    """Implements `contracts.Playbacks`, and opens folders for delivery. Safe to use from several threads."""

    def __init__(self, *, secrets: Secrets, clock: Clock, settings: StreamingSettings) -> None:
        self._signer = PathSigner(secrets=[SecretStr(secrets.derive(_PURPOSE).hex())])
        self.edge_key = secrets.derive(_EDGE_PURPOSE).hex()
        self._edge = settings.edge
        self._clock = clock
        self._known: dict[str, tuple[float, Grant]] = {}

    def sign(
        self,
        *,
        playback: PlaybackId,
        title: TitleId,
        prefix: ObjectPrefix,
        until: datetime,
        keys: str | None = None,
    ) -> str:
        """A token that opens all files below the prefix, here and at the edge, and the set of keys."""
        claims = {_PLAYBACK: str(playback), _TITLE: str(title)} | ({_KEYS: str(keys)} if keys else {})
        token = self._signer.sign(Grant(prefix=prefix, expires=until, claims=claims))
        return f"{token}~{edge_signed(prefix, until=until, key=self.edge_key)}" if self._edge else token

    def grant(self, token: str) -> Grant:
        """What a token opens; raises TokenRefused or TokenExpired.

        A segment of a playback is asked for every few seconds: its token's signature is checked at
        the first of them. Only good tokens are remembered, so a flood of bad ones pushes nothing out.
        """
        now, own = self._clock.now(), token.partition("~")[0]  # what follows is for the edge
        known = self._known.get(own)
        if known is None:
            return self._check(own, now)
        if now.timestamp() >= known[0]:
            self._known.pop(own, None)
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

    def keys_of(self, token: str) -> str | None:
        """The name of the set of keys that a token opens; raises TokenRefused or TokenExpired."""
        return self.grant(token).claims.get(_KEYS)

    def _check(self, token: str, now: datetime) -> Grant:
        if len(token) > _LONGEST:
            raise TokenRefused
        grant = self._signer.grant(token, now=now)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[token] = (grant.expires.timestamp(), grant)
        return grant


def edge_signed(prefix: ObjectPrefix, *, until: datetime, key: str) -> str:
    """What nginx's `secure_link` checks: expiry, folder and their keyed MD5 (decision record 0062).

    The key stands on both sides of a message that no client chooses.
    """
    parts = prefix.rstrip("/").split("/")
    if not _FEWEST_PARTS <= len(parts) <= _MOST_PARTS:
        raise ValueError(f"nginx is told to read tenant/kind/job/[attempt/], not {prefix}")
    padded = [*parts, ""][:_MOST_PARTS]
    signed = "~".join([str(int(until.timestamp())), *padded])
    digest = hashlib.md5(f"{key} {signed} {key}".encode(), usedforsecurity=False).digest()
    return f"{signed}~{urlsafe_b64encode(digest).rstrip(b'=').decode()}"
