"""Private keys at rest: AES-256-GCM under a key derived from the platform's master key."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vitascope.foundation.secrets import Secrets

_NONCE_BYTES = 12
_PURPOSE = "identity.auth signing keys"


class KeyWrap:
    """Wraps and unwraps private keys; each belongs to its name and cannot be passed off for another."""

    def __init__(self, *, secrets: Secrets) -> None:
        self._cipher = AESGCM(secrets.derive(_PURPOSE))

    def wrap(self, private: bytes, *, name: str) -> bytes:
        """What may be stored."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, private, name.encode())

    def unwrap(self, wrapped: bytes, *, name: str) -> bytes:
        """The private key; raises ValueError if it was wrapped under another master key or name."""
        try:
            return self._cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], name.encode())
        except InvalidTag:
            raise ValueError(f"the signing key {name} was wrapped with another master key") from None
