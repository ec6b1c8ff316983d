"""A corpus of tokens that are not ours, after RFC 8725, each of which must be refused."""

import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vitascope.foundation.context import Context
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.module import Platform
from vitascope.foundation.testing.clock import ManualClock
from vitascope.identity.auth.adapters import jose
from vitascope.identity.auth.contracts import SessionEnded, SessionId
from vitascope.identity.auth.service.keyring import KeyRing
from vitascope.identity.auth.service.tokens import AccessTokens
from vitascope.identity.tenants.service import TenantService
from vitascope.identity.users.contracts import Account, Role
from vitascope.runtime.testing import PlatformUnderTest

MINUTE = 60


def encoded(value: Any) -> str:
    """A part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: dict[str, Any], claims: Any, key: Ed25519PrivateKey) -> str:
    """A token with any header and claims, by a key that is at hand."""
    body = f"{encoded(header)}.{encoded(claims)}"
    return f"{body}.{encoded(key.sign(body.encode()))}"


class Forger:
    """Holds a real token's parts and, to show what is checked beside the signature, the real key too."""

    def __init__(self, token: str, key: Ed25519PrivateKey) -> None:
        head, body, self.signature = token.split(".")
        self.header, self.claims = (json.loads(jose._decoded(part)) for part in (head, body))
        self.key, self.stranger = key, Ed25519PrivateKey.generate()
        self.public = key.public_key().public_bytes_raw()

    def with_claims(self, **changes: Any) -> str:
        """Rightly signed, with other claims; None leaves one out."""
        claims = {name: value for name, value in {**self.claims, **changes}.items() if value is not None}
        return signed(self.header, claims, self.key)

    def with_header(self, **changes: Any) -> str:
        """Rightly signed, with another header; None leaves one out."""
        header = {name: value for name, value in {**self.header, **changes}.items() if value is not None}
        return signed(header, self.claims, self.key)

    def with_mac(self, alg: str, secret: bytes) -> str:
        """Signed with the public key taken for a shared secret."""
        body = f"{encoded({**self.header, 'alg': alg})}.{encoded(self.claims)}"
        return f"{body}.{encoded(hmac.digest(secret, body.encode(), hashlib.sha256))}"

    def by_stranger(self, **header: Any) -> str:
        """Signed by another key that the header brings along."""
        jwk = jose.published("mine", self.stranger.public_key().public_bytes_raw())
        return signed({**self.header, "jwk": jwk, **header}, self.claims, self.stranger)


NOW = 1776945600  # the noon at which the tests' clock stands

FORGERIES: dict[str, Callable[[Forger], str]] = {
    "alg none": lambda f: f"{encoded({**f.header, 'alg': 'none'})}.{encoded(f.claims)}.",
    "alg None in other letters": lambda f: f"{encoded({**f.header, 'alg': 'nOnE'})}.{encoded(f.claims)}.",
    "alg none with the signature": lambda f: (
        f"{encoded({**f.header, 'alg': 'none'})}.{encoded(f.claims)}.{f.signature}"
    ),
    "HS256 with the public key": lambda f: f.with_mac("HS256", f.public),
    "HS256 with the published key": lambda f: f.with_mac(
        "HS256", json.dumps(jose.published(f.header["kid"], f.public)).encode()
    ),
    "HS256 with nothing": lambda f: f.with_mac("HS256", b""),
    "alg that is no text": lambda f: f.with_header(alg=["EdDSA"]),
    "no alg": lambda f: f.with_header(alg=None),
    "no signature": lambda f: f"{encoded(f.header)}.{encoded(f.claims)}.",
    "another's signature": lambda f: signed(f.header, f.claims, f.stranger),
    "changed role": lambda f: f"{encoded(f.header)}.{encoded({**f.claims, 'role': 'owner'})}.{f.signature}",
    "typ JWT": lambda f: f.with_header(typ="JWT"),
    "typ of an ID token": lambda f: f.with_header(typ="id+jwt"),
    "no typ": lambda f: f.with_header(typ=None),
    "unknown kid": lambda f: f.with_header(kid="nobody"),
    "no kid": lambda f: f.with_header(kid=None),
    "kid that is a path": lambda f: f.with_header(kid="../../../dev/null"),
    "kid that is SQL": lambda f: f.with_header(kid="' OR ''='"),
    "kid that is no text": lambda f: f.with_header(kid={"$ne": ""}),
    "jwk in the header": lambda f: f.by_stranger(),
    "jwk in the header, its kid": lambda f: f.by_stranger(kid="mine"),
    "jku in the header": lambda f: f.with_header(jku="https://evil.example/jwks.json"),
    "x5u in the header": lambda f: f.with_header(x5u="https://evil.example/cert.pem"),
    "crit in the header": lambda f: f.with_header(crit=["b64"], b64=False),
    "another issuer": lambda f: f.with_claims(iss="https://evil.example"),
    "no issuer": lambda f: f.with_claims(iss=None),
    "another audience": lambda f: f.with_claims(aud="another-service"),
    "an audience among others": lambda f: f.with_claims(aud=["vitascope", "another-service"]),
    "no audience": lambda f: f.with_claims(aud=None),
    "expired": lambda f: f.with_claims(exp=NOW),
    "never expires": lambda f: f.with_claims(exp=None),
    "expires when it likes": lambda f: f.with_claims(exp="tomorrow"),
    "expires at no number": lambda f: f.with_claims(exp=float("nan")),
    "not yet valid": lambda f: f.with_claims(nbf=NOW + MINUTE),
    "issued in the future": lambda f: f.with_claims(iat=NOW + MINUTE),
    "no subject": lambda f: f.with_claims(sub=None),
    "subject that is no account": lambda f: f.with_claims(sub="ten_01m80nkw23f3tb3359jg9g9kp6"),
    "unknown role": lambda f: f.with_claims(role="emperor"),
    "no tenant": lambda f: f.with_claims(tenant=None),
    "no jti": lambda f: f.with_claims(jti=None),
    "claims that are a list": lambda f: signed(f.header, [f.claims], f.key),
    "claims that are no JSON": lambda f: signed(f.header, b"\xff\xfe", f.key),
    "header that is no JSON": lambda f: f"AAAA.{encoded(f.claims)}.{f.signature}",
    "header that is deep": lambda f: f"{encoded(b'[' * 2000)}.{encoded(f.claims)}.{f.signature}",
    "header that is a little deep": lambda f: f"{encoded(b'[' * 140)}.{encoded(f.claims)}.{f.signature}",
    "an encrypted token": lambda f: f"{f.with_header(enc='A256GCM')}.AAAA.AAAA",
    "four parts": lambda f: f"{f.with_claims()}.AAAA",
    "empty": lambda _: "",
    "dots": lambda _: "..",
    "very long": lambda f: f.with_claims(padding="x" * 10_000),
    "not ASCII": lambda f: f.with_claims() + "\u00e9\ud800",
}


@pytest.fixture
def access(platform: PlatformUnderTest, clock: ManualClock) -> AccessTokens:
    """The tokens."""
    return platform.container.get(AccessTokens)


@pytest.fixture
async def token(access: AccessTokens, visitor: Context, person: Callable[..., Awaitable[Account]]) -> str:
    """A real access token."""
    ada = await person("ada@example.org", Role.EDITOR)
    session = RandomIds().new(SessionId)
    return (await access.issue(tenant=visitor.tenant, account=ada, session=session))[0]


@pytest.fixture
async def forger(platform: PlatformUnderTest, token: str) -> Forger:
    """One who knows much."""
    signer = await platform.container.get(KeyRing).signer()
    private = signer.key.private_key
    assert isinstance(private, Ed25519PrivateKey)
    return Forger(token, private)


class TestForgeries:
    async def test_real_one_is_taken(self, access: AccessTokens, visitor: Context, forger: Forger) -> None:
        """The forger's own tools make a good token when nothing is changed: so the rest shows something."""
        principal = await access.read(forger.with_claims(), tenant=visitor.tenant)

        assert principal.may("video.upload")

    async def test_none_is_taken(self, access: AccessTokens, visitor: Context, forger: Forger) -> None:
        """Not one of the corpus is taken for a token."""
        taken = []

        for name, forge in FORGERIES.items():
            try:
                await access.read(forge(forger), tenant=visitor.tenant)
            except SessionEnded:
                continue
            taken.append(name)

        assert taken == []

    async def test_other_tenant(
        self, access: AccessTokens, tenants: TenantService, visitor: Context, token: str
    ) -> None:
        """A token of one tenant is none in another, also when it is already known here."""
        await access.read(token, tenant=visitor.tenant)
        other = await tenants.create(slug="other", name="Other")

        with pytest.raises(SessionEnded):
            await access.read(token, tenant=other.id)

    async def test_expires_also_when_remembered(
        self, access: AccessTokens, visitor: Context, token: str, clock: ManualClock
    ) -> None:
        """Ten minutes later the token is refused, although its signature was found good before."""
        clock.advance(10 * MINUTE - 1)
        await access.read(token, tenant=visitor.tenant)
        clock.advance(1)

        with pytest.raises(SessionEnded):
            await access.read(token, tenant=visitor.tenant)

    async def test_unknown_keys_do_not_reach_the_database(
        self, platform: PlatformUnderTest, access: AccessTokens, visitor: Context, forger: Forger
    ) -> None:
        """However many keys are made up, the table of keys is read at most once in five seconds."""
        with platform.statements() as seen:
            for number in range(50):
                with pytest.raises(SessionEnded):
                    await access.read(forger.with_header(kid=f"k{number}"), tenant=visitor.tenant)

        assert seen.count <= 1

    async def test_issuer_is_the_platform(self, platform: PlatformUnderTest, forger: Forger) -> None:
        """A token names the platform's public address as its issuer."""
        assert forger.claims["iss"] == platform.container.get(Platform).public_url


class TestJwks:
    async def test_verifies_with_what_is_published(self, platform: PlatformUnderTest, token: str) -> None:
        """Another program verifies our tokens with the published keys, which hold no private part."""
        async with platform.client() as client:
            answer = await client.get("/.well-known/jwks.json")

        [key] = answer.json()["keys"]
        body, _, signature = token.rpartition(".")
        public = Ed25519PublicKey.from_public_bytes(jose._decoded(key["x"]))
        public.verify(jose._decoded(signature), body.encode())
        assert answer.status_code == HTTPStatus.OK
        assert "d" not in key
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "EdDSA", "sig")
