"""What others may ask of the key service.

VitascopeError
├── KeyServerRefused   502  the outside key server said no, or said something else than keys
└── KeyServerDown      503  the outside key server does not answer
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Protocol

from vitascope.foundation.context import Context
from vitascope.foundation.errors import Unavailable, VitascopeError
from vitascope.transcoding.pipeline.protection import Protection, ProtectionProfile, TrackKey


class KeyServerRefused(VitascopeError):
    """The outside key server did not give the keys that were asked for; look at its own log."""

    status = HTTPStatus.BAD_GATEWAY


class KeyServerDown(Unavailable):
    """The outside key server does not answer; try again soon."""


class Keys(Protocol):
    """The content keys of the tenant's sets.

    A set is named by whoever makes it; a job names it by its own id, so that all attempts get the same
    keys. Keys leave this service in answers only: who gets them keeps them in memory, and neither in
    events nor in the history of durable work.
    """

    async def for_set(
        self, ctx: Context, *, name: str, profile: ProtectionProfile, labels: Sequence[str]
    ) -> Protection:
        """The keys of a set, one for each class of tracks, made when they are first asked for.

        For the platform only: raises Forbidden for anybody else. Raises KeyServerDown and
        KeyServerRefused where an outside server makes the keys.
        """

    async def of_ids(self, ctx: Context, *, name: str, kids: Sequence[str]) -> Sequence[TrackKey]:
        """Those of a set's keys that have these ids (32 hexadecimal digits); others are not there.

        For the platform only, which has checked who may play: raises Forbidden for anybody else.
        """

    async def forget(self, ctx: Context, *, name: str) -> None:
        """Destroy the keys of a set: what was encrypted with them can never be played again."""
