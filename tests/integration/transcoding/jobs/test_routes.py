"""Jobs over HTTP, on a real database."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from tests.integration.transcoding.jobs.conftest import FixedQuota, Studio

from vitascope.foundation.context import Context
from vitascope.foundation.ids import RandomIds
from vitascope.identity.users.contracts import Permission
from vitascope.runtime.testing import KnownContexts, PlatformUnderTest
from vitascope.transcoding.jobs.contracts import JobId
from vitascope.transcoding.jobs.service.feed import JobFeed

URL = "/api/v1/jobs"
ClientOf = Callable[[Context | None], httpx.AsyncClient]


@pytest.fixture
async def client_of(platform: PlatformUnderTest, known_contexts: KnownContexts) -> AsyncIterator[ClientOf]:
    """Clients signed in as these contexts, or not at all."""
    clients: list[httpx.AsyncClient] = []

    def of(ctx: Context | None) -> httpx.AsyncClient:
        clients.append(platform.client(token=known_contexts.token(ctx) if ctx else None))
        return clients[-1]

    yield of
    for one in clients:
        await one.aclose()


@pytest.fixture
def client(client_of: ClientOf, ctx: Context) -> httpx.AsyncClient:
    """A client of an operator."""
    return client_of(ctx)


@pytest.fixture
def editor(platform: PlatformUnderTest, ctx: Context) -> Context:
    """Another account of the tenant, which sees its own jobs only."""
    return platform.new_context(Permission.RUN_JOBS, tenant=ctx.tenant)


def _problem(answer: httpx.Response, status: int) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, object] = answer.json()
    return problem


def _ids(answer: httpx.Response) -> list[str]:
    return [one["id"] for one in answer.json()["items"]]


def _read_events(text: str) -> list[dict[str, object]]:
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data")]


class TestAccess:
    _EACH = (
        ("POST", ""),
        ("GET", ""),
        ("GET", "/events"),
        ("GET", "/{job}"),
        ("GET", "/{job}/events"),
        ("GET", "/{job}/history"),
        ("POST", "/{job}/cancel"),
        ("POST", "/{job}/retry"),
    )

    @pytest.mark.parametrize(("method", "path"), _EACH)
    async def test_signed_in_only(self, client_of: ClientOf, method: str, path: str) -> None:
        """Nobody sees or moves a job without signing in."""
        url = URL + path.format(job=RandomIds().new(JobId))

        answer = await client_of(None).request(method, url, json={"source": "a/b"} if not path else None)

        assert _problem(answer, 401)["type"] == "vitascope:unauthenticated"

    @pytest.mark.parametrize(("method", "path"), _EACH[3:])
    async def test_other_tenant(
        self,
        *,
        client_of: ClientOf,
        studio: Studio,
        ctx: Context,
        stranger: Context,
        film: Path,
        method: str,
        path: str,
    ) -> None:
        """A job of another tenant is not there."""
        job = await studio.submit(ctx, film)

        answer = await client_of(stranger).request(method, URL + path.format(job=job.id))

        assert _problem(answer, 404)["type"] == "vitascope:no-such-job"

    @pytest.mark.parametrize(("method", "path"), _EACH[3:])
    async def test_other_editor(
        self,
        *,
        client_of: ClientOf,
        studio: Studio,
        ctx: Context,
        editor: Context,
        film: Path,
        method: str,
        path: str,
    ) -> None:
        """A job of somebody else is not there for one who may not see all."""
        job = await studio.submit(ctx, film)

        answer = await client_of(editor).request(method, URL + path.format(job=job.id))

        assert _problem(answer, 404)["type"] == "vitascope:no-such-job"

    @pytest.mark.parametrize("path", ["", "/{job}/cancel", "/{job}/retry"])
    async def test_viewers_run_nothing(
        self,
        client_of: ClientOf,
        studio: Studio,
        ctx: Context,
        platform: PlatformUnderTest,
        film: Path,
        path: str,
    ) -> None:
        """An account that may not run jobs can neither submit nor move any."""
        job = await studio.submit(ctx, film)
        viewer = platform.new_context(Permission.WATCH, tenant=ctx.tenant)

        answer = await client_of(viewer).post(
            URL + path.format(job=job.id), json={"source": job.source} if not path else None
        )

        assert _problem(answer, 403)["type"] == "vitascope:forbidden"

    @pytest.mark.parametrize("path", ["/{job}", "/{job}/events", "/{job}/history"])
    async def test_no_id(self, client: httpx.AsyncClient, path: str) -> None:
        """What is no id of a job is told with its place."""
        answer = await client.get(URL + path.format(job="film"))

        assert _problem(answer, 422)["field"] == "job"


class TestSubmit:
    async def test_queues(
        self, client: httpx.AsyncClient, studio: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """A submitted job waits, is told where it is, and costs five statements."""
        source = await studio.store(ctx, film)

        with platform.statements() as statements:
            answer = await client.post(URL, json={"source": source, "filename": "../kiss\u0007.mp4"})

        assert answer.status_code == 201
        job = answer.json()
        assert answer.headers["location"] == f"{URL}/{job['id']}"
        assert (job["state"], job["progress"], job["attempt"], job["owner"]) == ("pending", 0, 1, ctx.account)
        assert job["filename"] == "kiss .mp4"
        assert statements.count == 5

    async def test_same_key_same_job(
        self, client: httpx.AsyncClient, studio: Studio, ctx: Context, film: Path
    ) -> None:
        """Sending a submission again with its Idempotency-Key answers the first job."""
        body, headers = {"source": await studio.store(ctx, film)}, {"Idempotency-Key": "k1"}

        first = await client.post(URL, json=body, headers=headers)
        again = await client.post(URL, json=body, headers=headers)

        assert again.status_code == first.status_code == 201
        assert again.json() == first.json()
        assert len(_ids(await client.get(URL))) == 1

    async def test_key_is_the_accounts_own(
        self, client_of: ClientOf, studio: Studio, ctx: Context, editor: Context, film: Path
    ) -> None:
        """Two accounts that happen to use one key get a job each."""
        body, headers = {"source": await studio.store(ctx, film)}, {"Idempotency-Key": "k1"}

        first = await client_of(ctx).post(URL, json=body, headers=headers)
        other = await client_of(editor).post(URL, json=body, headers=headers)

        assert first.json()["id"] != other.json()["id"]

    @pytest.mark.parametrize("source", ["film.mp4", "../../etc/passwd", "{tenant}/uploads/none/source"])
    async def test_source_that_is_none(self, client: httpx.AsyncClient, ctx: Context, source: str) -> None:
        """A source that is no object of the tenant is refused, whatever it looks like."""
        answer = await client.post(URL, json={"source": source.format(tenant=ctx.tenant)})

        problem = _problem(answer, 422)
        assert (problem["type"], problem["field"]) == ("vitascope:no-such-source", "source")

    async def test_source_of_other_tenant(
        self, client: httpx.AsyncClient, studio: Studio, stranger: Context, film: Path
    ) -> None:
        """Another tenant's file is no source."""
        answer = await client.post(URL, json={"source": await studio.store(stranger, film)})

        assert _problem(answer, 422)["type"] == "vitascope:no-such-source"

    async def test_unknown_field(self, client: httpx.AsyncClient) -> None:
        """A member that is not known is refused by name."""
        answer = await client.post(URL, json={"source": "a/b", "ladder": "huge"})

        assert _problem(answer, 422)["field"] == "ladder"

    async def test_quota(
        self, client: httpx.AsyncClient, studio: Studio, quota: FixedQuota, ctx: Context, film: Path
    ) -> None:
        """No more jobs may be unfinished than the tenant's quota says; one that ends makes room."""
        quota.number, body = 2, {"source": await studio.store(ctx, film)}
        first, second = [await client.post(URL, json=body) for _ in range(quota.number)]

        refused = await client.post(URL, json=body)
        await client.post(f"{URL}/{first.json()['id']}/cancel")
        taken = await client.post(URL, json=body)

        assert second.status_code == 201
        assert _problem(refused, 429)["type"] == "vitascope:too-many-jobs"
        assert taken.status_code == 201


class TestList:
    async def test_pages(self, client: httpx.AsyncClient, studio: Studio, ctx: Context, film: Path) -> None:
        """Jobs come newest first, page by page, each once."""
        jobs = [await studio.submit(ctx, film) for _ in range(3)]

        first = await client.get(URL, params={"limit": 2})
        second = await client.get(URL, params={"limit": 2, "cursor": first.json()["next"]})

        assert _ids(first) + _ids(second) == [one.id for one in reversed(jobs)]
        assert second.json()["next"] is None

    async def test_filters(self, client: httpx.AsyncClient, studio: Studio, ctx: Context, film: Path) -> None:
        """A state in the query leaves only jobs in it."""
        waiting, cancelled = [await studio.submit(ctx, film) for _ in range(2)]
        await studio.jobs.cancel(ctx, job=cancelled.id)

        answers = [await client.get(URL, params={"state": state}) for state in ("pending", "cancelled")]

        assert [_ids(one) for one in answers] == [[waiting.id], [cancelled.id]]

    async def test_own_only(
        self, client_of: ClientOf, studio: Studio, ctx: Context, editor: Context, film: Path
    ) -> None:
        """An editor sees the own jobs, an operator all of the tenant."""
        theirs, own = await studio.submit(ctx, film), await studio.submit(editor, film)

        seen = [_ids(await client_of(one).get(URL)) for one in (editor, ctx)]

        assert seen == [[own.id], [own.id, theirs.id]]

    @pytest.mark.parametrize("number", [1, 5])
    async def test_one_statement(
        self,
        client: httpx.AsyncClient,
        studio: Studio,
        platform: PlatformUnderTest,
        ctx: Context,
        film: Path,
        number: int,
    ) -> None:
        """A page costs one statement, however many jobs are on it; so does one job."""
        jobs = [await studio.submit(ctx, film) for _ in range(number)]

        with platform.statements() as of_list:
            await client.get(URL)
        with platform.statements() as of_one:
            await client.get(f"{URL}/{jobs[0].id}")

        assert (of_list.count, of_one.count) == (1, 1)

    @pytest.mark.parametrize(("name", "value"), [("state", "done"), ("cursor", "x"), ("limit", "0")])
    async def test_bad_query(self, client: httpx.AsyncClient, name: str, value: str) -> None:
        """A filter, a cursor or a limit that cannot be is told by name."""
        answer = await client.get(URL, params={name: value})

        assert _problem(answer, 422)["field"] == name


class TestMove:
    async def test_cancel(
        self, client: httpx.AsyncClient, studio: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """A cancelled job says so; cancelling it again is refused."""
        job = await studio.submit(ctx, film)

        with platform.statements() as statements:
            answer = await client.post(f"{URL}/{job.id}/cancel")
        again = await client.post(f"{URL}/{job.id}/cancel")

        assert answer.json()["state"] == "cancelled"
        assert answer.json()["finished_at"] is not None
        assert _problem(again, 409)["type"] == "vitascope:job-is-final"
        assert statements.count == 6

    async def test_retry(
        self, client: httpx.AsyncClient, studio: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """A cancelled job can be retried once: then it waits again."""
        job = await studio.submit(ctx, film)
        await studio.jobs.cancel(ctx, job=job.id)

        with platform.statements() as statements:
            answer = await client.post(f"{URL}/{job.id}/retry")
        again = await client.post(f"{URL}/{job.id}/retry")

        assert (answer.json()["state"], answer.json()["attempt"]) == ("pending", 2)
        assert _problem(again, 409)["type"] == "vitascope:job-is-active"
        assert statements.count == 7

    async def test_history(
        self, client: httpx.AsyncClient, studio: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """The history names every state in order, with who brought it about, in two statements."""
        job = await studio.submit(ctx, film)
        await studio.jobs.cancel(ctx, job=job.id)

        with platform.statements() as statements:
            answer = await client.get(f"{URL}/{job.id}/history")

        assert [(one["state"], one["account"]) for one in answer.json()] == [
            ("pending", ctx.account),
            ("cancelled", ctx.account),
        ]
        assert statements.count == 2


class TestEvents:
    async def test_ends_with_the_job(
        self, client: httpx.AsyncClient, studio: Studio, ctx: Context, film: Path
    ) -> None:
        """The stream of a job that has ended is one event and then over."""
        job = await studio.submit(ctx, film)
        await studio.jobs.cancel(ctx, job=job.id)

        answer = await client.get(f"{URL}/{job.id}/events")

        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        assert [one["state"] for one in _read_events(answer.text)] == ["cancelled"]

    async def test_tells_changes(
        self, client: httpx.AsyncClient, studio: Studio, ctx: Context, film: Path
    ) -> None:
        """A job is told as it stands, then as it changes, to its end."""
        job = await studio.submit(ctx, film)
        feed = studio.platform.container.get(JobFeed)
        watching = asyncio.create_task(client.get(f"{URL}/{job.id}/events"))
        while not any(one.seen for one in feed._watchers):  # noqa: ASYNC110 - told to the watcher alone
            await asyncio.sleep(0.01)

        await studio.platform.pump()

        states = [one["state"] for one in _read_events((await watching).text)]
        assert (states[0], states[-1]) == ("pending", "completed")
