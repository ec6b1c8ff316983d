"""The settings of accounts."""

from pydantic import Field

from vitascope.foundation.config import Section
from vitascope.identity.users.adapters.argon2 import HashingSettings


class UsersSettings(Section):
    """How people sign up."""

    sign_up_hours: int = Field(default=24, ge=1, le=24 * 14, description="how long a mailed link works")
    sign_ups_per_address: int = Field(
        default=20, ge=1, description="sign-ups of one network address in an hour"
    )
    sign_ups_per_email: int = Field(default=5, ge=1, description="sign-ups of one e-mail address in an hour")
    hashing: HashingSettings = HashingSettings()
