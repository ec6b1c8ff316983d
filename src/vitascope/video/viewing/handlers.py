"""What viewing hears: its own reports, of which the counts are made."""

from collections.abc import Sequence

from vitascope.foundation.db.database import Transaction
from vitascope.foundation.events.handlers import on_batch
from vitascope.foundation.wiring import Provided
from vitascope.video.viewing.events import (
    PlaybackEnded,
    PlaybackProgressed,
    PlaybackStalled,
    PlaybackStarted,
    QualitySwitched,
    Report,
)
from vitascope.video.viewing.service.counting import ViewService


@on_batch(PlaybackStarted)
async def start(tx: Transaction, events: Sequence[PlaybackStarted], views: Provided[ViewService]) -> None:
    """A start counts as a view."""
    await views.start(tx, events)


@on_batch(PlaybackProgressed, PlaybackStalled, QualitySwitched)
async def go_on(tx: Transaction, events: Sequence[Report], views: Provided[ViewService]) -> None:
    """Whatever a player reports, somebody watches."""
    await views.go_on(tx, events)


@on_batch(PlaybackEnded)
async def end(tx: Transaction, events: Sequence[PlaybackEnded], views: Provided[ViewService]) -> None:
    """And then nobody does."""
    await views.end(tx, events)
