"""What a tenant or a person wants made of a film: read from TOML or JSON, unknown fields refused.

Every part has a default, which is what `vitascope transcode FILE` makes.
"""

from typing import Literal

from msgspec import Struct

Ladder = Literal["fixed", "auto"]


class VideoProfile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the picture is encoded.

    `chunk_seconds` is about how much of the film one task encodes; by default it follows from the
    size of the picture, so that a task takes some seconds.
    """

    ladder: Ladder = "fixed"
    chunk_seconds: float | None = None


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be chosen."""

    video: VideoProfile = VideoProfile()


DEFAULT = Profile()
