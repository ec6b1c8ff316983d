"""Taking the reports of players: checked against their token, each once, into the event log."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import PLATFORM, Context
from vitascope.foundation.db.database import Database
from vitascope.video.streaming.contracts import Playbacks, Watching
from vitascope.video.viewing import repository
from vitascope.video.viewing.events import (
    PlaybackEnded,
    PlaybackProgressed,
    PlaybackStalled,
    PlaybackStarted,
    QualitySwitched,
    Report,
)
from vitascope.video.viewing.service.windows import Window

MAX_BODY_BYTES = 32 * 1024
MAX_EVENTS = 100

_Seconds = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
_Span = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
_Pixels = Annotated[int, msgspec.Meta(ge=1, le=16_384)]


class _Event(msgspec.Struct, tag_field="kind", forbid_unknown_fields=True, kw_only=True):
    """What every report says. `ago` is how long before sending it happened: players' clocks are not asked."""

    sequence: Annotated[int, msgspec.Meta(ge=1, le=1 << 31)]
    position: _Seconds = 0.0
    ago: _Span = 0.0


class Start(_Event, tag="start"):
    """The first frame was shown."""

    startup: _Span
    height: _Pixels | None = None


class Progress(_Event, tag="progress"):
    """It plays on."""

    watched: _Span
    height: _Pixels | None = None


class Stall(_Event, tag="stall"):
    """It ran dry."""

    seconds: _Span


class Quality(_Event, tag="quality"):
    """It changed to another rendition."""

    height: _Pixels


class End(_Event, tag="end"):
    """The viewer left."""

    watched: _Span = 0.0


class Beacon(msgspec.Struct, forbid_unknown_fields=True):
    """Reports of one player, oldest first."""

    events: Annotated[
        list[Start | Progress | Stall | Quality | End], msgspec.Meta(min_length=1, max_length=MAX_EVENTS)
    ]


_decoder = msgspec.json.Decoder(Beacon)


Told = Start | Progress | Stall | Quality | End


def event_of(told: Told, *, watching: Watching, now: datetime) -> Report:
    """The event of a report that came now."""
    playback, title, number = watching.playback, watching.title, told.sequence
    at = now - timedelta(seconds=told.ago)
    match told:
        case Start():
            return PlaybackStarted(
                playback=playback,
                title=title,
                number=number,
                at=at,
                startup=told.startup,
                height=told.height,
            )
        case Progress():
            return PlaybackProgressed(
                playback=playback,
                title=title,
                number=number,
                at=at,
                position=told.position,
                watched=told.watched,
                height=told.height,
            )
        case Stall():
            return PlaybackStalled(
                playback=playback,
                title=title,
                number=number,
                at=at,
                position=told.position,
                seconds=told.seconds,
            )
        case Quality():
            return QualitySwitched(
                playback=playback,
                title=title,
                number=number,
                at=at,
                position=told.position,
                height=told.height,
            )
        case End():
            return PlaybackEnded(
                playback=playback,
                title=title,
                number=number,
                at=at,
                position=told.position,
                watched=told.watched,
            )


class BeaconService:
    """Takes the reports of players."""

    def __init__(self, *, db: Database, clock: Clock, playbacks: Playbacks) -> None:
        self._db, self._clock, self._playbacks = db, clock, playbacks

    async def take(self, *, token: str, body: bytes, trace: str | None = None) -> int:
        """Keep the reports that are new; returns how many were.

        Raises `TokenRefused`, `TokenExpired`, and msgspec's errors naming the field that is wrong.
        """
        watching = self._playbacks.of_token(token)
        beacon = _decoder.decode(body)
        now = self._clock.now()
        ctx = Context(tenant=watching.tenant, principal=PLATFORM, trace=trace)
        async with self._db.transaction(ctx) as tx:
            kept = await repository.lock_windows(tx, playbacks=[watching.playback], at=now)
            highest, seen = kept[watching.playback]
            window, fresh = Window(highest=highest, seen=seen), []
            for one in beacon.events:
                moved = window.take(one.sequence)
                if moved is not None:
                    window = moved
                    fresh.append(event_of(one, watching=watching, now=now))
            if fresh:
                await repository.move_windows(tx, {watching.playback: (window.highest, window.seen)})
            for event in fresh:
                tx.emit(event, subject=watching.playback)
        return len(fresh)
