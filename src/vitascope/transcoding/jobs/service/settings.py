"""What an operator can set about transcoding jobs."""

from typing import Literal

from pydantic import Field

from vitascope.foundation.config import Section


class JobsSettings(Section):
    """The section `transcoding_jobs` of the settings."""

    scratch_hours: float = Field(
        default=24,
        ge=0,
        description="How long finished stages of a cancelled or broken job are kept for a retry.",
    )
    watch_seconds: float = Field(
        default=0.5, gt=0, le=5, description="How often a worker tells its progress and looks for a cancel."
    )
    protect: Literal["cbcs", "cenc"] | None = Field(
        default=None, description="Encrypt every film that is transcoded, in this scheme; by default none is."
    )
    uploads: int = Field(default=8, ge=1, le=64, description="Files that are published at once.")
