"""What the catalog tells."""

from vitascope.foundation.context import AccountId
from vitascope.foundation.events.types import event
from vitascope.video.catalog.contracts import TitleId, Visibility
from vitascope.video.upload.contracts import UploadId


@event("video.catalog.title_drafted", version=1)
class TitleDrafted:
    """A title was made for an uploaded file, which is not playable yet."""

    title: TitleId
    name: str
    owner: AccountId
    upload: UploadId


@event("video.catalog.title_ready", version=1)
class TitleReady:
    """The title's film can be played; `duration` in seconds."""

    title: TitleId
    duration: float


@event("video.catalog.title_failed", version=1)
class TitleFailed:
    """The title's film could not be made playable."""

    title: TitleId
    detail: str


@event("video.catalog.title_published", version=1)
class TitlePublished:
    """The title can be seen by those whom its visibility allows."""

    title: TitleId
    visibility: Visibility


@event("video.catalog.title_unpublished", version=1)
class TitleUnpublished:
    """The title is hidden again."""

    title: TitleId


@event("video.catalog.title_removed", version=1)
class TitleRemoved:
    """The title is gone, with its renditions."""

    title: TitleId
