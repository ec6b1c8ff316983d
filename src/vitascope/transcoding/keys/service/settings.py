"""What can be set."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from vitascope.foundation.config import Section

_HERE = {"127.0.0.1", "::1", "localhost"}


class KeysSettings(Section):
    """Where content keys come from."""

    server_url: str | None = Field(
        default=None,
        description="a key server that speaks CPIX (SPEKE v2), as https://keys.example/speke; "
        "without one, keys are made here",
    )
    server_authorization: SecretStr | None = Field(
        default=None, description="the Authorization header that the key server asks for"
    )
    server_seconds: float = Field(
        default=10.0, gt=0, le=60, description="how long the key server may take to answer, in seconds"
    )

    @model_validator(mode="after")
    def _require_privacy(self) -> Self:
        """Keys travel encrypted, unless they stay on this machine."""
        if self.server_url is not None:
            parts = urlsplit(self.server_url)
            private = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE)
            if not private or not parts.hostname:
                raise ValueError("a key server is asked by https:// only")
        return self
