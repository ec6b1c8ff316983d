import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from vitascope.foundation.errors import Invalid
from vitascope.foundation.storage.keys import ObjectPrefix
from vitascope.foundation.storage.signing import Grant, PathSigner, TokenExpired, TokenRefused

NOW = datetime(2026, 11, 22, tzinfo=UTC)
OLD, NEW = SecretStr("o" * 32), SecretStr("n" * 32)
GRANT = Grant(
    prefix=ObjectPrefix("tenant/film/"), expires=NOW + timedelta(hours=4), claims={"session": "ses_1"}
)
PATH = "tenant/film/video/7.m4s"
SIGNER = PathSigner(secrets=[NEW])


class TestCheck:
    def test_gives_what_was_signed(self) -> None:
        """A token opens every path below its prefix and gives its claims back."""
        grant = SIGNER.check(SIGNER.sign(GRANT), path=PATH, now=NOW)

        assert grant == GRANT

    def test_is_one_part_of_a_path(self) -> None:
        """A token needs no escaping and holds no slash, whatever its claims."""
        token = SIGNER.sign(Grant(prefix=GRANT.prefix, expires=GRANT.expires, claims={"viewer": "Ü/ ?#\n"}))

        assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")

    def test_ends_at_its_instant(self) -> None:
        """A token is good until the second before it expires, and not after."""
        token = SIGNER.sign(GRANT)
        SIGNER.check(token, path=PATH, now=GRANT.expires - timedelta(seconds=1))

        with pytest.raises(TokenExpired):
            SIGNER.check(token, path=PATH, now=GRANT.expires)

    @pytest.mark.parametrize(
        "path",
        [
            "tenant/film",
            "tenant/films/1.m4s",
            "other/film/1.m4s",
            "tenant/film/../../other/1.m4s",
            "tenant/film/..",
            "tenant/film/a\\..\\b",
            "tenant/film/a\0",
            "",
        ],
    )
    def test_refuses_other_paths(self, path: str) -> None:
        """A token opens nothing outside its prefix, however the path is spelled."""
        token = SIGNER.sign(GRANT)

        with pytest.raises(TokenRefused):
            SIGNER.check(token, path=path, now=NOW)

    @given(position=st.integers(min_value=0), character=st.sampled_from("AZaz09-_.=ü/"))
    def test_refuses_any_change(self, position: int, character: str) -> None:
        """A token with one character changed anywhere is refused."""
        token = SIGNER.sign(GRANT)
        position %= len(token)
        changed = token[:position] + character + token[position + 1 :]

        if changed != token:
            with pytest.raises(TokenRefused):
                SIGNER.check(changed, path=PATH, now=NOW)

    @given(token=st.text(max_size=80))
    def test_refuses_nonsense(self, token: str) -> None:
        """Anything that we did not sign is refused, not crashed on."""
        with pytest.raises(TokenRefused):
            SIGNER.check(token, path=PATH, now=NOW)

    def test_refuses_the_same_secret_used_otherwise(self) -> None:
        """A MAC made elsewhere with the same secret over the same bytes does not pass."""
        body = SIGNER.sign(GRANT).partition(".")[0]
        digest = hmac.digest(NEW.get_secret_value().encode(), body.encode(), hashlib.sha256)
        forged = f"{body}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"

        with pytest.raises(TokenRefused):
            SIGNER.check(forged, path=PATH, now=NOW)

    def test_is_fast(self) -> None:
        """A check takes well under 15 microseconds, so that it costs a segment nothing (4x allowed here)."""
        token = SIGNER.sign(GRANT)
        rounds = []

        for _ in range(20):
            began = time.perf_counter()
            for _ in range(200):
                SIGNER.check(token, path=PATH, now=NOW)
            rounds.append((time.perf_counter() - began) / 200)

        assert min(rounds) < 60e-6


class TestRotation:
    def test_retired_secret_is_still_accepted(self) -> None:
        """Tokens of the secret before stay good after a rotation, and new ones use the new secret."""
        before = PathSigner(secrets=[OLD]).sign(GRANT)
        rotated = PathSigner(secrets=[NEW, OLD])

        assert rotated.check(before, path=PATH, now=NOW) == GRANT
        assert SIGNER.check(rotated.sign(GRANT), path=PATH, now=NOW) == GRANT

    def test_dropped_secret_is_refused(self) -> None:
        """A token of a secret that was dropped is refused."""
        before = PathSigner(secrets=[OLD]).sign(GRANT)

        with pytest.raises(TokenRefused):
            SIGNER.check(before, path=PATH, now=NOW)

    @pytest.mark.parametrize("secrets", [[], [SecretStr("short")], [NEW, SecretStr("")]])
    def test_short_secrets_are_refused(self, secrets: list[SecretStr]) -> None:
        """A signer is not made with a secret that could be guessed."""
        with pytest.raises(Invalid, match="at least 32"):
            PathSigner(secrets=secrets)
