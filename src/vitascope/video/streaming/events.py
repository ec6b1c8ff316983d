"""What streaming tells."""

from vitascope.foundation.context import AccountId
from vitascope.foundation.events.types import event
from vitascope.video.catalog.contracts import TitleId
from vitascope.video.streaming.contracts import PlaybackId


@event("video.streaming.playback_authorised", version=1)
class PlaybackAuthorised:
    """Somebody may play a title now; `account` is None for a visitor."""

    playback: PlaybackId
    title: TitleId
    account: AccountId | None
