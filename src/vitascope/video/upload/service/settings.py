"""What an operator can set about uploads."""

from pydantic import Field

from vitascope.foundation.config import Section

_GIB = 1 << 30
_MIB = 1 << 20


class UploadSettings(Section):
    """The section `video_upload` of the settings."""

    max_bytes: int = Field(default=64 * _GIB, gt=0, description="The largest file that is taken, in bytes.")
    part_bytes: int = Field(
        default=16 * _MIB, ge=4096, description="Bytes that are written before they are counted."
    )
    flush_seconds: float = Field(
        default=2, gt=0, description="How long bytes of a slow connection may wait before they are counted."
    )
    idle_seconds: float = Field(
        default=4, gt=0, description="How long a connection may stay silent before it is given up."
    )
    lease_seconds: float = Field(
        default=6, gt=0, description="How long after a server's death its upload stays locked."
    )
    expire_hours: float = Field(
        default=24, gt=0, description="How long an unfinished upload is kept after its last byte."
    )
