"""What people of one house could do to each other, and to the platform, with the rights that they have."""

from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from tests.security.conftest import House

from vitascope.identity.users.contracts import Role
from vitascope.runtime.processes import _server
from vitascope.runtime.settings import HttpSettings, Settings
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.events import JobCancelled
from vitascope.transcoding.jobs.service.jobs import JobService
from vitascope.video.catalog.contracts import TitleState
from vitascope.video.catalog.service.films import FilmService
from vitascope.video.catalog.service.titles import TitleService
from vitascope.video.streaming.service.tokens import Tokens
from vitascope.video.viewing import routes as viewing


class TestFilmOfAnother:
    async def test_is_not_changed_by_a_job_on_its_file(
        self, platform: PlatformUnderTest, home: House
    ) -> None:
        """An editor who runs and cancels a job on another's file leaves the other's title as it is."""
        editor, container = home.context(Role.EDITOR), platform.container
        job = await container.get(JobService).submit(
            editor, source=home.job.source, filename="mine.mp4", key="mine"
        )
        async with platform.db.transaction(editor) as tx:
            ended = JobCancelled(job=job.id, source=job.source)
            await container.get(FilmService).cancel(tx, event=ended)

        title = await container.get(TitleService).get(home.context(Role.OWNER), title=home.shown.id)

        assert (title.state, title.job) == (TitleState.READY, home.shown.job)


class TestFollowing:
    async def test_ends_and_asks_again(
        self, platform: PlatformUnderTest, home: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who follows a title's count asks anew after some minutes, and a hidden title is not there then."""
        monkeypatch.setattr(viewing, "_LIFETIME_SECONDS", 0.0)
        path = f"/api/v1/titles/{home.shown.id}/views/live"
        async with platform.client() as http:
            first = await http.get(path, timeout=60)
            await http.post(f"/api/v1/titles/{home.shown.id}/unpublish", headers=home.headers(Role.OWNER))
            second = await http.get(path, timeout=60)

        assert (first.status_code, second.status_code) == (httpx.codes.OK, httpx.codes.NOT_FOUND)


class TestRememberedTokens:
    async def test_are_as_many_as_playbacks(self, platform: PlatformUnderTest, home: House) -> None:
        """One token with a thousand endings is remembered once, so it pushes no other out."""
        tokens, token = platform.container.get(Tokens), home.playback.hls.split("/")[2]

        for number in range(1000):
            tokens.grant(f"{token}~{number}")

        assert len(tokens._known) == 1


class TestForwardedAddress:
    @pytest.mark.parametrize(
        ("proxies", "seen"), [((), "192.0.2.7 http"), (("192.0.2.0/24",), "203.0.113.9 https")]
    )
    async def test_is_believed_of_known_proxies_only(
        self, settings: Settings, proxies: tuple[str, ...], seen: str
    ) -> None:
        """Limits are counted by the real address: nobody chooses it by a header, unless a proxy of ours."""

        async def whence(scope: Any, receive: Any, send: Any) -> None:
            request = Request(scope)
            assert request.client is not None
            answer = PlainTextResponse(f"{request.client.host} {request.url.scheme}")
            await answer(scope, receive, send)

        chosen = settings.model_copy(update={"http": HttpSettings(trusted_proxies=proxies)})
        config = _server(whence, chosen).config
        config.load()
        transport = httpx.ASGITransport(config.loaded_app, client=("192.0.2.7", 5000))
        said = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as http:
            answer = await http.get("/", headers=said)

        assert answer.text == seen
