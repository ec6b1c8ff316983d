"""Transcoding in a process of its own: nothing of those who ask it for something changes."""

import asyncio
import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
from tests.integration.transcoding.pipeline.corpus import H264, ffmpeg, picture, tone
from tests.system.split.commands import free_port, vitascope

from vitascope.foundation.db.server.endpoint import Role
from vitascope.foundation.testing.postgres import open_folder
from vitascope.runtime.demo.account import DemoAccount, demo_account
from vitascope.runtime.demo.client import ApiClient
from vitascope.runtime.registry import MODULES
from vitascope.runtime.settings import settings_type
from vitascope.runtime.startup import database, ground

_SECONDS = 240


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder that PostgreSQL may enter, whoever runs the test."""
    with open_folder() as folder:
        yield folder


@pytest.fixture
def account(data: Path) -> DemoAccount:
    """A studio with an account, in a database that is ready."""
    settings = settings_type(MODULES)(data=data)
    with ground(settings, modules=MODULES):
        return demo_account(settings)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two seconds of moving picture with a tone."""
    file = tmp_path / "film.mp4"
    ffmpeg(*picture("320x180", seconds=2), *tone(seconds=2), *H264, "-c:a", "aac", str(file))
    return file


async def _json(url: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.json(content_type=None)


def _workers_of(work: str, data: Path) -> list[str]:
    """Which workers did durable work of this name."""
    with (
        database(settings_type(MODULES)(data=data)) as endpoint,
        psycopg.connect(endpoint.dsn(Role.ADMIN)) as connection,
    ):
        rows = connection.execute("SELECT executor_id FROM dbos.workflow_status WHERE name = %s", (work,))
        return [executor for (executor,) in rows]


class TestTranscodingElsewhere:
    async def test_film_is_transcoded_there(self, data: Path, account: DemoAccount, film: Path) -> None:
        """A film uploaded while transcoding is away waits for it, and is transcoded by the other process."""
        port = free_port()
        remotes = json.dumps({"transcoding.jobs": f"http://127.0.0.1:{port}"})
        settings = {"VITASCOPE_HTTP_PORT": free_port(), "VITASCOPE_RPC_REMOTES": remotes}

        with vitascope("up", data=data, settings=settings) as here:
            async with ApiClient(here) as client, asyncio.timeout(_SECONDS):
                await client.sign_in(email=account.email, password=account.password)
                await client.upload(film, title="Kiss", heard=lambda _done: None)
                _, alone = await _json(f"{here}/readyz")
                run = ("run", "transcoding.jobs", "--port", str(port))
                with vitascope(*run, data=data, settings=settings) as there:
                    title = await client.published((await client.new_title(known=()))["id"])
                    async with ApiClient(there) as other:
                        other._http.headers.update(client._http.headers)  # signed in there is signed in here
                        job = [state async for state in other.follow(title["job"])][-1]
                    _, together = await _json(f"{here}/readyz")
                    jobs_here, _ = await _json(f"{here}/api/v1/jobs")
                    workers = await asyncio.to_thread(_workers_of, "transcoding.jobs.transcode", data)

        assert (alone["status"], together["status"]) == ("degraded", "ok")
        assert (title["state"], job["state"]) == ("ready", "completed")
        assert jobs_here == HTTPStatus.NOT_FOUND
        assert [one.partition("/")[2] for one in workers] == ["transcoding.jobs"]
