"""The context of a call between our own processes, in a header signed with a secret that they share.

The signature covers context, address, body and time, so a header that was seen cannot be used for
another call, nor for the same one a minute later.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import datetime, timedelta

import msgspec

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context
from vitascope.foundation.encoding import from_json, to_json
from vitascope.foundation.errors import Forbidden

HEADER = "vitascope-context"
_FRESH = timedelta(minutes=1)


class UntrustedCall(Forbidden):
    """This call does not come from one of our own processes, or comes too late."""


class _Sealed(msgspec.Struct, frozen=True):
    """What travels."""

    ctx: Context
    sent_at: datetime


class Seal:
    """Signs and checks; every process of a platform has the same key."""

    def __init__(self, *, key: bytes, clock: Clock) -> None:
        self._key, self._clock = key, clock

    def header(self, ctx: Context, *, address: str, body: bytes) -> str:
        """The header that goes with a call."""
        payload = to_json(_Sealed(ctx, self._clock.now()))
        return f"{_text(payload)}.{_text(self._sign(payload, address, body))}"

    def open(self, header: str, *, address: str, body: bytes) -> Context:
        """The context of a call; raises `UntrustedCall`."""
        first, _, second = header.partition(".")
        try:
            payload, signature = urlsafe_b64decode(first), urlsafe_b64decode(second)
        except (ValueError, NotBase64):
            raise UntrustedCall from None
        if not hmac.compare_digest(signature, self._sign(payload, address, body)):
            raise UntrustedCall
        sealed = from_json(payload, _Sealed)
        if abs(self._clock.now() - sealed.sent_at) > _FRESH:
            raise UntrustedCall
        return sealed.ctx

    def _sign(self, payload: bytes, address: str, body: bytes) -> bytes:
        parts = (payload, address.encode(), body)
        digests = b"".join(hashlib.sha256(part).digest() for part in parts)
        return hmac.digest(self._key, digests, "sha256")


def _text(part: bytes) -> str:
    return urlsafe_b64encode(part).decode()
