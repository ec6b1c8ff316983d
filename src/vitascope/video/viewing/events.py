"""What viewing tells: the player's reports, as they came. Positions and spans are seconds.

`at` is when it happened, by the platform's clock; `number` counts the reports of one playback.
"""

from datetime import datetime

from vitascope.foundation.events.types import event
from vitascope.video.catalog.contracts import TitleId
from vitascope.video.streaming.contracts import PlaybackId


@event("video.viewing.playback_started", version=1)
class PlaybackStarted:
    """The first frame was shown, `startup` seconds after the viewer asked."""

    playback: PlaybackId
    title: TitleId
    number: int
    at: datetime
    startup: float
    height: int | None = None


@event("video.viewing.playback_progressed", version=1)
class PlaybackProgressed:
    """The player plays on: `watched` seconds since its last report."""

    playback: PlaybackId
    title: TitleId
    number: int
    at: datetime
    position: float
    watched: float
    height: int | None = None


@event("video.viewing.playback_stalled", version=1)
class PlaybackStalled:
    """The player ran dry at `position` for `seconds`."""

    playback: PlaybackId
    title: TitleId
    number: int
    at: datetime
    position: float
    seconds: float


@event("video.viewing.quality_switched", version=1)
class QualitySwitched:
    """The player went to a rendition of this height."""

    playback: PlaybackId
    title: TitleId
    number: int
    at: datetime
    position: float
    height: int


@event("video.viewing.playback_ended", version=1)
class PlaybackEnded:
    """The viewer reached the end or left at `position`."""

    playback: PlaybackId
    title: TitleId
    number: int
    at: datetime
    position: float
    watched: float


Report = PlaybackStarted | PlaybackProgressed | PlaybackStalled | QualitySwitched | PlaybackEnded
