"""Checksums of the tus checksum extension."""

import hashlib
from dataclasses import dataclass

from vitascope.foundation.errors import VitascopeError

ALGORITHMS = ("sha1", "sha256", "md5")  # sha1 is the one that the extension asks of every server


class UnknownChecksum(VitascopeError):
    """Upload-Checksum is an algorithm (sha1, sha256, md5), a space and the digest in base 64."""

    status = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """What the bytes of one request should add up to."""

    algorithm: str
    digest: bytes

    def start(self) -> "hashlib._Hash":
        """A running digest; it guards against accidents, not against attackers."""
        return hashlib.new(self.algorithm, usedforsecurity=False)
