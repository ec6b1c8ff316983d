"""What upload tells."""

from vitascope.foundation.context import AccountId
from vitascope.foundation.events.types import event
from vitascope.video.upload.contracts import UploadId


@event("video.upload.upload_completed", version=1)
class UploadCompleted:
    """A whole file lies in the object store under `object_key`; `size` in bytes.

    `title` and `publish` are what the uploader said along: the name the film should have, and
    whether it should be published as soon as it plays.
    """

    upload: UploadId
    object_key: str
    filename: str
    size: int
    owner: AccountId
    title: str | None = None
    publish: bool = False
