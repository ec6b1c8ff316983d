import io
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus

import httpx
import pytest
import structlog

from vitascope.foundation.telemetry.logs import LoggingSettings, configure_logging
from vitascope.identity.auth.service.tokens import AccessTokens
from vitascope.identity.users.contracts import Account, Role
from vitascope.runtime.testing import PlatformUnderTest

AUTH = "/api/v1/auth"
EMAIL = "canary@example.org"
PASSWORD = "correct horse battery"
WRONG = "canary sings another song"


@pytest.fixture
def log() -> Iterator[io.BytesIO]:
    """The log as the platform writes it, all of it."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    written = io.BytesIO()
    configure_logging(LoggingSettings(level="debug"), stream=written)
    yield written
    structlog.reset_defaults()
    root.setLevel(before[0])
    root.handlers[:] = before[1]


class TestCanary:
    async def test_no_secret_is_logged(
        self,
        platform: PlatformUnderTest,
        person: Callable[..., Awaitable[Account]],
        log: io.BytesIO,
        capfd: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Passwords, tokens and keys are in no line of the log, not even when something breaks."""
        await person(EMAIL, Role.EDITOR)

        async with platform.client() as client:
            secrets = [PASSWORD, WRONG, *await self._live(client)]
            await platform.pump()
            await self._break(client, secrets[-1], monkeypatch)
        captured = capfd.readouterr()
        written = log.getvalue().decode() + captured.out + captured.err

        assert "request.failed" in written
        assert [one for one in secrets if one in written] == []

    async def _live(self, client: httpx.AsyncClient) -> list[str]:
        """Do all that has to do with secrets, rightly and wrongly; gives the secrets."""
        body = {"email": EMAIL, "password": WRONG, "name": "Canary"}
        await client.post(f"{AUTH}/sign-up", json=body)
        await client.post(f"{AUTH}/sign-up", json={**body, "password": [WRONG]})
        await client.post(f"{AUTH}/sign-in", json={"email": EMAIL, "password": WRONG})
        await client.post(f"{AUTH}/verify", json={"token": "canary-verify"})
        answer = await client.post(f"{AUTH}/sign-in", json={"email": EMAIL, "password": PASSWORD})
        first = answer.json()
        answer = await client.post(f"{AUTH}/refresh", json={"refresh_token": first["refresh_token"]})
        second = answer.json()
        bearer = {"authorization": f"Bearer {second['access_token']}"}
        key = {"name": "canary", "permissions": ["video.upload"]}
        secret = (await client.post(f"{AUTH}/api-keys", json=key, headers=bearer)).json()["secret"]
        await client.get(f"{AUTH}/me", headers={"authorization": f"Bearer {secret}"})
        await client.get(f"{AUTH}/me", headers={"authorization": "Bearer vsk_canary_key"})
        tokens = [one[name] for one in (first, second) for name in ("access_token", "refresh_token")]
        return ["canary-verify", "vsk_canary_key", secret, *tokens, "canary.broken.token"]

    async def _break(self, client: httpx.AsyncClient, token: str, patch: pytest.MonkeyPatch) -> None:
        """A bug while a secret is at hand: its trace goes to the log, and to nobody else."""

        async def broken(*_: object, **__: object) -> None:
            raise RuntimeError(json.dumps({"planted": True}))

        patch.setattr(AccessTokens, "_verified", broken)
        answer = await client.get(f"{AUTH}/me", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
        assert "planted" not in answer.text
