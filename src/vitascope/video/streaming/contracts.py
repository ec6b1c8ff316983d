"""What others may ask of streaming."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vitascope.foundation.context import Context
from vitascope.foundation.ids import Id
from vitascope.video.catalog.contracts import TitleId


class PlaybackId(Id, prefix="pbk"):
    """One viewer's playback of one title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Playback:
    """A playback session: addresses that work until `expires_at`, with their token in the path.

    `beacon` is the address that takes the player's heartbeats (see `video.viewing`).
    """

    id: PlaybackId
    title: TitleId
    hls: str
    dash: str
    poster: str
    thumbnails: str
    beacon: str
    expires_at: datetime


class Streaming(Protocol):
    """The way to the segments."""

    async def open(self, ctx: Context, *, title: TitleId) -> Playback:
        """Check the entitlement and open a session; raises `NoSuchTitle` or `TitleNotReady`."""
