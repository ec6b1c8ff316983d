"""What others may ask of streaming."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.errors import Forbidden
from vitascope.foundation.ids import Id
from vitascope.video.catalog.contracts import TitleId


class PlaybackId(Id, prefix="pbk"):
    """One viewer's playback of one title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Playback:
    """A playback session: addresses that work until `expires_at`, with their token in the path.

    They are paths of the origin that answered, unless media has an origin of its own. `beacon` is the
    address that takes the player's heartbeats (see `video.viewing`), `licence` the one that hands out the
    keys of a protected film (W3C Encrypted Media Extensions, Clear Key); of another it has none to give.
    """

    id: PlaybackId
    title: TitleId
    hls: str
    dash: str
    poster: str
    thumbnails: str
    chapters: str
    beacon: str
    licence: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """What the token of a playback says of it."""

    playback: PlaybackId
    title: TitleId
    tenant: TenantId


class LicenceRefused(Forbidden):
    """This playback has no right to these keys; open the title again."""


class Streaming(Protocol):
    """The way to the segments."""

    async def open(self, ctx: Context, *, title: TitleId) -> Playback:
        """Check the entitlement and open a session; raises `NoSuchTitle` or `TitleNotReady`."""


class Playbacks(Protocol):
    """What the tokens of playbacks say; asks nobody, so it is fit for every heartbeat."""

    def of_token(self, token: str) -> Watching:
        """The playback of a token in a path; raises `TokenRefused` or `TokenExpired`."""
