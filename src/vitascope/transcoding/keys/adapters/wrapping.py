"""Content keys at rest: AES-256-GCM under a key derived from the platform's master key."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vitascope.foundation.context import TenantId
from vitascope.foundation.secrets import Secrets
from vitascope.transcoding.pipeline.protection import TrackKey

_NONCE_BYTES = 12
_KEY_BYTES = 16
_PURPOSE = "transcoding.keys content keys"


class ContentKeyWrap:
    """Wraps and unwraps content keys.

    Each belongs to its tenant, set, class and id: a row that is copied elsewhere does not open.
    """

    def __init__(self, *, secrets: Secrets) -> None:
        self._cipher = AESGCM(secrets.derive(_PURPOSE))

    def wrap(self, one: TrackKey, *, tenant: TenantId, name: str) -> bytes:
        """What may be stored."""
        nonce = os.urandom(_NONCE_BYTES)
        plain = bytes.fromhex(one.key + one.iv)
        return nonce + self._cipher.encrypt(nonce, plain, _place(tenant, name, one.label, one.kid))

    def unwrap(self, wrapped: bytes, *, tenant: TenantId, name: str, label: str, kid: str) -> TrackKey:
        """The key; raises ValueError if it was wrapped under another master key, or for another place."""
        nonce, sealed = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        try:
            plain = self._cipher.decrypt(nonce, sealed, _place(tenant, name, label, kid))
        except InvalidTag:
            raise ValueError(
                f"the content key {kid} was wrapped elsewhere or with another master key"
            ) from None
        return TrackKey(label=label, kid=kid, key=plain[:_KEY_BYTES].hex(), iv=plain[_KEY_BYTES:].hex())


def _place(*parts: str) -> bytes:
    return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
