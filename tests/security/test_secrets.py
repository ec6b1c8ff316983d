"""No secret leaves by the log, by an answer to somebody else, or by an address that is written down."""

import io
import logging
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
import structlog
from sqlalchemy import text
from tests.security.conftest import PASSWORD, House

from vitascope.foundation.secrets import Secrets
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.storage.objects import StorageDown
from vitascope.foundation.telemetry.logs import LoggingSettings, configure_logging
from vitascope.identity.users.contracts import Role
from vitascope.runtime.settings import Settings
from vitascope.runtime.testing import PlatformUnderTest

API = "/api/v1"
WRONG = "canary sings another song"


@pytest.fixture
def log() -> Iterator[io.BytesIO]:
    """The log as the platform writes it, all of it but the request lines, which go to standard error."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    written = io.BytesIO()
    configure_logging(LoggingSettings(level="debug"), stream=written)
    logging.getLogger("httpx").disabled = True  # the client of this test, which knows its own secrets
    yield written
    logging.getLogger("httpx").disabled = False
    structlog.reset_defaults()
    root.setLevel(before[0])
    root.handlers[:] = before[1]


@pytest.fixture
def broken_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of objects that does not answer."""

    async def down(*_: object, **__: object) -> None:
        raise StorageDown

    monkeypatch.setattr(LocalObjects, "head", down)


async def live(http: httpx.AsyncClient, home: House) -> list[str]:
    """Sign in, watch, upload, break things and sign out, in pages and by the API; gives all secrets."""
    email = home.people[Role.EDITOR].email
    login = await http.post("/login", data={"email": email, "password": PASSWORD})
    cookies = [login.cookies[name] for name in ("vitascope_session", "vitascope_refresh")]
    await http.get("/", headers={"accept": "text/html"})
    await http.post("/session/renew")
    renewed = [http.cookies.get(name) or "" for name in ("vitascope_session",)]
    played = (await http.post(f"{API}/titles/{home.shown.id}/playback")).json()
    await watch(http, played)
    await http.post("/session/logout")
    body = {"email": email, "password": WRONG}
    await http.post(f"{API}/auth/sign-in", json=body)
    await http.post(f"{API}/auth/sign-up", json={**body, "name": [WRONG]})
    await http.get(f"/verify?token={WRONG.replace(' ', '-')}")
    await http.get(f"{API}/auth/me", headers={"authorization": f"Bearer {home.key_secret}"})
    media = played["hls"].split("/")[2]
    return [PASSWORD, WRONG, WRONG.replace(" ", "-"), home.key_secret, media, *cookies, *renewed]


async def watch(http: httpx.AsyncClient, played: dict[str, str]) -> None:
    """Fetch, report, and get everything about it wrong in each way that there is."""
    await http.get(played["hls"])
    await http.head(played["dash"])
    await http.post(played["hls"])
    await http.get(played["hls"].rpartition("/")[0])
    await http.get(played["hls"].rpartition("/")[0] + "/../../x")
    await http.get(played["beacon"])
    await http.post(played["beacon"] + "/")
    report = {"kind": "start", "sequence": 1, "position": 0, "startup": 0.4}
    await http.post(played["beacon"], json={"events": [report]})
    await http.post(played["beacon"], json={"events": [{"kind": "bad"}]})
    await http.post(played["licence"], json={"kids": ["A" * 22]})
    await http.get(played["licence"] + "/x")


class TestLog:
    async def test_holds_no_secret(
        self,
        platform: PlatformUnderTest,
        home: House,
        log: io.BytesIO,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """A whole session leaves lines, and no password, token, key or media address in any of them."""
        async with platform.client() as http:
            secrets = await live(http, home)
            await platform.db.close()
        captured = capfd.readouterr()
        written = log.getvalue().decode() + captured.out + captured.err

        assert '"route":"/media/{token}/{path}"' in written
        assert '"route":"/beacons/{token}"' in written
        assert '"route":"/licences/{token}"' in written
        assert [one for one in secrets if one in written] == []

    async def test_holds_none_when_storage_is_down(
        self,
        platform: PlatformUnderTest,
        home: House,
        log: io.BytesIO,
        capfd: pytest.CaptureFixture[str],
        broken_store: None,
    ) -> None:
        """A media request that cannot be served is logged without its token."""
        async with platform.client() as http:
            answer = await http.get(home.playback.hls)
        captured = capfd.readouterr()

        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert "request.unserved" in log.getvalue().decode()
        assert home.playback.hls.split("/")[2] not in log.getvalue().decode() + captured.err

    async def test_holds_no_parameter_of_a_statement(
        self, platform: PlatformUnderTest, home: House, log: io.BytesIO
    ) -> None:
        """A statement that fails is logged without what people sent."""
        logger = logging.getLogger("vitascope.test")
        try:
            async with platform.db.read(home.context(Role.OWNER)) as reader:
                await reader.scalar(text("SELECT CAST(:sent AS integer) / 0"), {"sent": 41_414_141})
        except Exception:
            logger.exception("failed")

        assert "division by zero" in log.getvalue().decode()
        assert "41414141" not in log.getvalue().decode()


class TestAnswers:
    async def test_errors_tell_nothing_of_the_inside(
        self, platform: PlatformUnderTest, home: House, broken_store: None
    ) -> None:
        """An error names no file, statement, object key or line of code."""
        async with platform.client() as http:
            answers = [
                await http.get(home.playback.hls),
                await http.get(f"{API}/titles/{home.shown.id}x"),
                await http.post(f"{API}/auth/sign-in", json={"email": 1, "password": PASSWORD}),
                await http.get(f"{API}/nowhere"),
            ]

        for answer in answers:
            assert not re.search(r"Traceback|\.py\b|SELECT|/objects/|asyncpg|renditions/", answer.text)
            assert PASSWORD not in answer.text


class TestKeptSecrets:
    async def test_nothing_is_kept_that_opens_anything(
        self, platform: PlatformUnderTest, home: House, settings: Settings
    ) -> None:
        """The master key is its owner's to read alone, and never shows in what prints it."""
        secrets = platform.container.get(Secrets)
        key = Path(settings.data) / "secrets" / "master.key"

        assert key.stat().st_mode & 0o077 == 0
        assert key.read_bytes().hex() not in repr(secrets) + repr(settings)
