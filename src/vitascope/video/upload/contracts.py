"""What others may ask of upload."""

from vitascope.foundation.ids import Id


class UploadId(Id, prefix="upl"):
    """An upload, from its creation to the whole file."""
