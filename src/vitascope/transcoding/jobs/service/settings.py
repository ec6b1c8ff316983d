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
    first_seconds: float = Field(
        default=60,
        ge=0,
        description="Films of at least this length play from a copy of themselves while they are encoded.",
    )
    first_hours: float = Field(
        default=24,
        ge=1,
        description="How long that copy is kept after the job; longer than a playback's addresses work.",
    )
    hands: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="Parts of films that a worker encodes at once; by default its cores.",
    )
    reap_seconds: float = Field(
        default=0.5,
        gt=0,
        le=60,
        description="How often a worker looks whether another has died over its part.",
    )
    most_deaths: int = Field(
        default=3, ge=1, le=20, description="Workers that may die over one part before its job has failed."
    )
