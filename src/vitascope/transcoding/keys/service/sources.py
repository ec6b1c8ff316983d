"""Where new content keys come from."""

from collections.abc import Sequence
from typing import Protocol

from vitascope.foundation.context import Context
from vitascope.transcoding.pipeline.protection import ProtectionProfile, TrackKey, new_key


class KeySource(Protocol):
    """Makes keys, one for each class of tracks of a set."""

    async def keys(
        self, ctx: Context, *, name: str, profile: ProtectionProfile, labels: Sequence[str]
    ) -> Sequence[TrackKey]:
        """New keys; raises KeyServerDown and KeyServerRefused."""


class OwnKeys:
    """Draws keys from the operating system."""

    async def keys(
        self, ctx: Context, *, name: str, profile: ProtectionProfile, labels: Sequence[str]
    ) -> Sequence[TrackKey]:
        """New random keys."""
        del ctx, name, profile
        return [new_key(label) for label in labels]
