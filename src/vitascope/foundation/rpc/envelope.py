"""Who calls, and until when, in a header signed with a secret that our own processes share.

The signature covers context, deadline, address, body and time: a header that was seen opens no other
call, and the same one for half a minute at most.
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
from vitascope.foundation.errors import Unauthenticated

HEADER = "vitascope-call"
FRESH = timedelta(seconds=30)


class UntrustedCall(Unauthenticated):
    """This call does not come from one of our own processes, or comes too late."""


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One call: in which context, if the method takes one, and how long its caller waits."""

    ctx: Context | None
    deadline: datetime


class _Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What travels."""

    call: Call
    sent_at: datetime


class Seal:
    """Signs and checks; every process of a platform has the same key."""

    def __init__(self, *, key: bytes, clock: Clock) -> None:
        self._key, self._clock = key, clock

    def header(self, call: Call, *, address: str, body: bytes) -> str:
        """The header that goes with a call."""
        payload = to_json(_Sealed(call, self._clock.now()))
        return f"{_text(payload)}.{_text(self._sign(payload, address, body))}"

    def open(self, header: str, *, address: str, body: bytes) -> Call:
        """What the header of a call says; raises `UntrustedCall`."""
        first, _, second = header.partition(".")
        try:
            payload, signature = urlsafe_b64decode(first), urlsafe_b64decode(second)
        except (ValueError, NotBase64):
            raise UntrustedCall from None
        if not hmac.compare_digest(signature, self._sign(payload, address, body)):
            raise UntrustedCall
        sealed = from_json(payload, _Sealed)
        if abs(self._clock.now() - sealed.sent_at) > FRESH:
            raise UntrustedCall
        return sealed.call

    def _sign(self, payload: bytes, address: str, body: bytes) -> bytes:
        parts = (payload, address.encode(), body)
        digests = b"".join(hashlib.sha256(part).digest() for part in parts)
        return hmac.digest(self._key, digests, "sha256")


def _text(part: bytes) -> str:
    return urlsafe_b64encode(part).decode()
