"""Signed tokens through joserfc: one algorithm, one header, nothing that a token says about its own key.

RFC 8725 (JWT best practices) and RFC 9068 (access tokens). The algorithm is EdDSA over Ed25519. RFC
9864 would now call it `Ed25519`; verifiers in the field know it by its older name.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwa import EdDSAAlgorithm
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

ALGORITHM = "EdDSA"
TYPE = "at+jwt"
MAX_CHARACTERS = 4096
_HEADER_CHARACTERS = 200  # ours have 75; what is longer, or nested deep, is not looked into
_HEADER = {"alg": ALGORITHM, "typ": TYPE}


class Forged(Exception):
    """This is not a token of ours."""


class _Ed25519(EdDSAAlgorithm):
    """EdDSA, of which joserfc warns because a key of another curve has the same name: ours are checked."""

    security_warning = ""


class _OneAlgorithm(JWSRegistry):
    """Knows EdDSA and nothing else, so no header can ask for anything else."""

    algorithms = {ALGORITHM: _Ed25519()}  # noqa: RUF012 - as joserfc declares it
    recommended = [ALGORITHM]  # noqa: RUF012 - the same


_registry = _OneAlgorithm(algorithms=[ALGORITHM])


def new_private_key() -> bytes:
    """A new Ed25519 key: the 32 bytes of its private part."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_of(private: bytes) -> bytes:
    """The 32 bytes of the public part."""
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def signing_key(private: bytes) -> OKPKey:
    """The key that signs."""
    parts = {"x": _encoded(public_of(private)), "d": _encoded(private)}
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", **parts})


def verifying_key(public: bytes) -> OKPKey:
    """The key that verifies."""
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": _encoded(public)})


def published(kid: str, public: bytes) -> dict[str, str]:
    """The key as the JWKS shows it (RFC 7517, RFC 8037)."""
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": ALGORITHM, "kid": kid, "x": _encoded(public)}


def sign(claims: Mapping[str, Any], *, kid: str, key: OKPKey) -> str:
    """A token with these claims."""
    return jwt.encode({**_HEADER, "kid": kid}, dict(claims), key, registry=_registry)


def kid_of(token: str) -> str:
    """The id of the key that the token names; raises `Forged` unless its header is exactly ours."""
    head = token.partition(".")[0]
    if len(token) > MAX_CHARACTERS or len(head) > _HEADER_CHARACTERS or token.count(".") != 2:
        raise Forged
    try:
        header = json.loads(_decoded(head))
    except (ValueError, binascii.Error) as error:
        raise Forged from error
    kid = header.get("kid") if isinstance(header, dict) else None
    if not isinstance(kid, str) or header != {**_HEADER, "kid": kid}:
        raise Forged
    return kid


def claims_of(token: str, *, key: OKPKey, now: int, issuer: str, audience: str) -> dict[str, Any]:
    """The claims of a token that is ours, for us and for now; raises `Forged`."""
    checks = jwt.JWTClaimsRegistry(
        now=now,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        nbf={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
        jti={"essential": True},
    )
    try:
        claims = jwt.decode(token, key, registry=_registry).claims
        checks.validate(claims)
    except (JoseError, ValueError) as error:
        raise Forged from error
    if claims["aud"] != audience:
        raise Forged
    return claims


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
