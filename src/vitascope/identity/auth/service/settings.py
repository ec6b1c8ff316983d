"""The settings of sign-in."""

from pydantic import Field

from vitascope.foundation.config import Section


class AuthSettings(Section):
    """How long tokens, sessions and keys live, and how often one may try."""

    access_minutes: int = Field(default=10, ge=1, le=60, description="how long an access token works")
    idle_days: int = Field(default=30, ge=1, description="a session that nobody refreshes ends after this")
    session_days: int = Field(default=180, ge=1, description="every session ends after this")
    sign_ins_per_address: int = Field(
        default=60, ge=1, description="attempts of one network address in five minutes"
    )
    sign_ins_per_account: int = Field(
        default=10, ge=1, description="failed attempts at one account in five minutes"
    )
    key_days: int = Field(default=30, ge=2, description="how long one signing key signs")
    key_notice_hours: int = Field(default=48, ge=1, description="how long before it signs a key is published")
    api_key_cache_seconds: float = Field(
        default=10, ge=0, le=60, description="how long another process may still accept a revoked API key"
    )
