"""Paths that expire: a token in the path opens everything below a prefix until an instant.

A token in the query would be lost: relative addresses in a manifest drop it, and players send no headers of
ours for segments. In `/media/TOKEN/tenant/film/video/7.m4s` the token carries what it allows, and an HMAC
(RFC 2104, SHA-256) of it; nothing is looked up.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from pydantic import SecretStr

from vitascope.foundation.errors import Forbidden, Invalid
from vitascope.foundation.storage.keys import ObjectPrefix

_SHORTEST = 32  # characters of a signing secret
_PURPOSE = b"vitascope path token v1:"  # a token of another kind, made with the same secret, never passes


class TokenRefused(Forbidden):
    """This address was not made by us, or is for something else; open the title again."""


class TokenExpired(Forbidden):
    """This address has expired; open the title again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What a token allows: all below `prefix`, before `expires`.

    `claims` are its maker's, such as the id of a session.
    """

    prefix: ObjectPrefix
    expires: datetime
    claims: Mapping[str, str]


class _Payload(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    expires: int
    prefix: str
    claims: dict[str, str]


class PathSigner:
    """Makes and checks tokens. The first secret signs; the others, retired, are still accepted.

    To rotate, put the new secret first and drop the old one when its last token has expired. Raises Invalid
    for a secret shorter than 32 characters.
    """

    def __init__(self, *, secrets: Sequence[SecretStr]) -> None:
        if not secrets or any(len(each.get_secret_value()) < _SHORTEST for each in secrets):
            raise Invalid(f"A signing secret has at least {_SHORTEST} characters.", field="secrets")
        self._keys = [
            hashlib.sha256(_PURPOSE + each.get_secret_value().encode()).digest() for each in secrets
        ]
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(_Payload)

    def sign(self, grant: Grant) -> str:
        """The token: URL-safe characters, one part of a path. Whole seconds; a fraction is cut."""
        payload = _Payload(int(grant.expires.timestamp()), str(grant.prefix), dict(grant.claims))
        body = urlsafe_b64encode(self._encoder.encode(payload)).rstrip(b"=")
        return (body + b"." + _mac(self._keys[0], body)).decode()

    def check(self, token: str, *, path: str, now: datetime) -> Grant:
        """What the token allows, if it allows `path` (the decoded part after it) now.

        Raises TokenRefused and TokenExpired.
        """
        grant = self.grant(token, now=now)
        if not path.startswith(grant.prefix) or "/../" in f"/{path}/" or "\\" in path or "\0" in path:
            raise TokenRefused
        return grant

    def grant(self, token: str, *, now: datetime) -> Grant:
        """What the token allows, for one who joins its prefix and a checked name himself.

        Raises TokenRefused and TokenExpired.
        """
        payload = self._authentic(token)
        if now.timestamp() >= payload.expires:
            raise TokenExpired
        return Grant(
            prefix=str.__new__(ObjectPrefix, payload.prefix),  # checked when it was signed
            expires=datetime.fromtimestamp(payload.expires, UTC),
            claims=payload.claims,
        )

    def _authentic(self, token: str) -> _Payload:
        """The payload, read only after its HMAC was found right; compared in constant time, as text."""
        try:
            body, _, mac = token.encode("ascii").partition(b".")
        except UnicodeEncodeError:
            raise TokenRefused from None
        for key in self._keys:
            if hmac.compare_digest(_mac(key, body), mac):
                break
        else:
            raise TokenRefused
        return self._decoder.decode(urlsafe_b64decode(body + b"=" * (-len(body) % 4)))


def _mac(key: bytes, body: bytes) -> bytes:
    return urlsafe_b64encode(hmac.digest(key, _PURPOSE + body, "sha256")).rstrip(b"=")
