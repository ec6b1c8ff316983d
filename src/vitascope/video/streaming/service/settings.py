"""What can be set."""

from pydantic import Field

from vitascope.foundation.config import Section


class StreamingSettings(Section):
    """How films reach their viewers."""

    session_hours: int = Field(
        default=12, ge=1, le=168, description="how long the addresses of a playback work, in hours"
    )
    media_url: str | None = Field(
        default=None,
        description="where media is served from, as https://media.example; by default the pages' own address",
    )
    edge: bool = Field(
        default=False,
        description="sign paths for an nginx in front of the stored files too (see `vitascope deploy nginx`)",
    )
    delivery_host: str = Field(
        default="127.0.0.1", description="the address on which the media server of its own listens"
    )
    delivery_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="its port; without one, media is served on the pages' port only",
    )
