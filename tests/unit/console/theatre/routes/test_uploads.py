from tests.unit.console.theatre.house import House

from vitascope.foundation.context import AccountId
from vitascope.transcoding.jobs.contracts import JobId, JobState
from vitascope.video.catalog.contracts import Title, TitleState


def _job(title: Title) -> JobId:
    assert title.job is not None
    return title.job


class TestUploadPage:
    async def test_needs_somebody(self, house: House) -> None:
        """Only who is signed in may upload."""
        async with house.browser() as browser:
            answer = await browser.get("/upload")

        assert answer.headers["location"] == "/login?next=%2Fupload"

    async def test_shows_where_to_drop(self, house: House, ada: AccountId) -> None:
        """The page names the endpoint of the upload service."""
        async with house.browser(ada) as browser:
            page = await browser.get("/upload")

        assert 'data-endpoint="/api/v1/uploads"' in page.text


class TestOwnFilms:
    async def test_shows_each_state(self, house: House, ada: AccountId, bob: AccountId) -> None:
        """Each own film shows how it stands and what can be done; others' films are not there."""
        house.films.add(ada, "Ready")
        house.films.add(ada, "Broken", state=TitleState.FAILED)
        busy = house.films.add(ada, "Busy", state=TitleState.PROCESSING)
        house.films.progress(busy.id, 0.424)
        house.films.add(bob, "Foreign")

        async with house.browser(ada) as browser:
            page = await browser.get("/uploads")

        for said in ("Published", "The file has no picture.", "Try again", "Transcoding", "42 %", "Cancel"):
            assert said in page.text
        assert "Foreign" not in page.text

    async def test_nothing_yet(self, house: House, ada: AccountId) -> None:
        """Who has no films is told how to begin."""
        async with house.browser(ada) as browser:
            page = await browser.get("/uploads")

        assert "No films yet" in page.text


class TestLive:
    async def test_progress_moves(self, house: House, ada: AccountId) -> None:
        """While a film is transcoded only what changes is sent."""
        title = house.films.add(ada, state=TitleState.PROCESSING)
        fragments = house.watch("/uploads/live", ada)

        first = await anext(fragments)
        house.films.progress(title.id, 0.5)
        second = await anext(fragments)
        house.films.progress(title.id, 0.51)
        third = await anext(fragments)
        await fragments.aclose()

        assert set(first) >= {"listed", f"state-{title.id}", f"actions-{title.id}"}
        assert "50 %" in second[f"state-{title.id}"]
        assert set(third) == {f"state-{title.id}"}

    async def test_a_new_film_is_listed(self, house: House, ada: AccountId) -> None:
        """A film that comes while the page is open makes it fetch its list again."""
        house.films.add(ada, "One")
        fragments = house.watch("/uploads/live", ada)

        first = await anext(fragments)
        house.films.add(ada, "Two")
        second = await anext(fragments)
        await fragments.aclose()
        async with house.browser(ada) as browser:
            again = await browser.get("/uploads/list")

        assert first["listed"] != second["listed"]
        assert ">Two<" in again.text

    async def test_known_list_is_not_sent(self, house: House, ada: AccountId) -> None:
        """A page that already shows the list is not told of it."""
        house.films.add(ada, "One")
        async with house.browser(ada) as browser:
            page = await browser.get("/uploads")
        known = page.text.partition("/uploads/live?known=")[2].partition('"')[0]

        fragments = house.watch(f"/uploads/live?known={known}", ada)
        first = await anext(fragments)
        await fragments.aclose()

        assert "listed" not in first

    async def test_needs_somebody(self, house: House) -> None:
        """A stream without a session is refused with a problem."""
        async with house.browser() as browser:
            answer = await browser.get("/uploads/live", headers={"accept": "text/event-stream"})

        assert answer.status_code == 401


class TestJobs:
    async def test_cancel_and_retry(self, house: House, ada: AccountId) -> None:
        """A film on its way can be stopped, and tried again."""
        title = house.films.add(ada, state=TitleState.PROCESSING)

        async with house.browser(ada) as browser:
            await browser.post(f"/uploads/jobs/{title.job}/cancel")
            stopped = house.films.jobs[_job(title)].state
            await browser.post(f"/uploads/jobs/{title.job}/retry")

        assert stopped is JobState.CANCELLED
        assert house.films.jobs[_job(title)].state is JobState.PENDING

    async def test_not_somebody_elses(self, house: House, ada: AccountId, bob: AccountId) -> None:
        """Nobody stops another's job."""
        title = house.films.add(ada, state=TitleState.PROCESSING)

        async with house.browser(bob) as browser:
            page = await browser.post(f"/uploads/jobs/{title.job}/cancel")

        assert page.status_code == 404
        assert house.films.jobs[_job(title)].state is JobState.PENDING
