from collections.abc import AsyncIterator

import httpx
import pytest
from tests.integration.video.conftest import Studio, Transcoding

from vitascope.foundation.context import Context
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.storage.objects import Objects
from vitascope.runtime.testing import KnownContexts, PlatformUnderTest
from vitascope.transcoding.jobs.contracts import Jobs
from vitascope.transcoding.jobs.service.jobs import JobService

PAGE = {"accept": "text/html"}


@pytest.fixture
async def films(
    platform: PlatformUnderTest, ctx: Context, tmp_path_factory: pytest.TempPathFactory
) -> Studio:
    """Films in the real catalog, and the real jobs beside it."""
    objects, transcoding = LocalObjects(tmp_path_factory.mktemp("objects")), Transcoding()
    platform.container.put(Objects, objects)
    platform.container.put(Jobs, transcoding)
    studio = Studio(platform, objects=objects, transcoding=transcoding)
    await studio.film(ctx, title="First")
    platform.container.put(Jobs, platform.container.get(JobService))
    return studio


@pytest.fixture
async def browser(
    platform: PlatformUnderTest, known_contexts: KnownContexts, ctx: Context
) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in."""
    async with platform.client(token=known_contexts.token(ctx)) as client:
        client.headers.update(PAGE)
        yield client


async def _more(films: Studio, ctx: Context) -> None:
    platform = films.platform
    platform.container.put(Jobs, films.transcoding)
    for number in range(5):
        await films.film(ctx, title=f"Film {number}")
    platform.container.put(Jobs, platform.container.get(JobService))


class TestStatements:
    @pytest.mark.parametrize(("path", "expected"), [("/", 2), ("/uploads", 2), ("/login", 0), ("/upload", 0)])
    async def test_lists(
        self, films: Studio, ctx: Context, browser: httpx.AsyncClient, path: str, expected: int
    ) -> None:
        """A page with a list costs the same few statements, however many films there are."""
        with films.platform.statements() as few:
            assert (await browser.get(path)).status_code in {200, 303}
        await _more(films, ctx)
        with films.platform.statements() as many:
            page = await browser.get(path)

        assert (few.count, many.count) == (expected, expected), many.texts
        assert path not in {"/", "/uploads"} or page.text.count("Film ") >= 5

    async def test_title(self, films: Studio, ctx: Context, browser: httpx.AsyncClient) -> None:
        """A title's page costs its title, its playback and its counts, and nothing else."""
        (title,) = await films.titles.own(ctx, after=None, limit=1)

        with films.platform.statements() as seen:
            page = await browser.get(f"/titles/{title.id}")

        assert page.status_code == 200
        assert seen.count == 5, seen.texts

    async def test_of_another_tenant(
        self, films: Studio, ctx: Context, stranger: Context, known_contexts: KnownContexts
    ) -> None:
        """Another tenant's people see neither the film nor a way to it."""
        (title,) = await films.titles.own(ctx, after=None, limit=1)
        token = known_contexts.token(stranger)

        async with films.platform.client(token=token) as browser:
            page = await browser.get(f"/titles/{title.id}", headers=PAGE)
            home = await browser.get("/", headers=PAGE)

        assert page.status_code == 404
        assert "First" not in home.text
