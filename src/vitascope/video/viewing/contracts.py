"""What others may ask of viewing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from vitascope.foundation.context import Context
from vitascope.video.catalog.contracts import TitleId


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewCount:
    """How often a title was started, and how many watch it now."""

    views: int
    watching: int


class Views(Protocol):
    """The live counter."""

    async def counts(self, ctx: Context, *, titles: Sequence[TitleId]) -> Mapping[TitleId, ViewCount]:
        """The counts of these titles, zeros for one that nobody has played."""
