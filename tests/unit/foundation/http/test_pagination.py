from datetime import UTC, datetime
from uuid import UUID

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from vitascope.foundation.http.pagination import BadCursor, Page, PagingQuery, decode_cursor, encode_cursor
from vitascope.foundation.http.problems import install
from vitascope.foundation.testing.asgi import call

ORDER = "numbers:n"


class TestCursor:
    @given(st.tuples(st.datetimes(timezones=st.just(UTC)), st.uuids()))
    def test_round_trip(self, key: tuple[datetime, UUID]) -> None:
        """A cursor gives back the sort key that it was made of."""
        assert decode_cursor(encode_cursor(key, order=ORDER), tuple[datetime, UUID], order=ORDER) == key

    @given(st.text())
    def test_garbage(self, text: str) -> None:
        """Whatever a client makes up is refused by name, never an accident."""
        with pytest.raises(BadCursor) as caught:
            decode_cursor(text, tuple[datetime, UUID], order=ORDER)

        assert caught.value.field == "cursor"

    def test_of_another_list(self) -> None:
        """A cursor of another list, or of another order, is refused."""
        with pytest.raises(BadCursor):
            decode_cursor(encode_cursor((1,), order="titles:name"), tuple[int], order=ORDER)

    def test_of_another_type(self) -> None:
        """A cursor whose key has another type is refused."""
        with pytest.raises(BadCursor):
            decode_cursor(encode_cursor(("1 or 1=1",), order=ORDER), tuple[int], order=ORDER)


@pytest.fixture(name="app")
def _app() -> FastAPI:
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    install(app)

    @app.get("/numbers")
    async def numbers(paging: PagingQuery) -> Page[str]:
        after = paging.after(tuple[int], order=ORDER)
        start = 0 if after is None else after[0] + 1
        rows = range(start, min(start + paging.limit + 1, 7))
        return Page[str].cut(rows, limit=paging.limit, order=ORDER, key=lambda row: (row,), item=str)

    return app


class TestPage:
    async def test_walk(self, app: FastAPI) -> None:
        """Following `next` gives every item once, and ends."""
        seen, url = [], "/numbers?limit=3"
        while True:
            page = (await call(app, "GET", url)).json()
            seen += page["items"]
            if page["next"] is None:
                break
            url = f"/numbers?limit=3&cursor={page['next']}"

        assert seen == ["0", "1", "2", "3", "4", "5", "6"]

    @pytest.mark.parametrize(
        ("query", "field"), [("limit=0", "limit"), ("limit=201", "limit"), ("cursor=x", "cursor")]
    )
    async def test_bounds(self, app: FastAPI, query: str, field: str) -> None:
        """A limit out of bounds and a cursor of nobody's are 422 and name the field."""
        answer = await call(app, "GET", f"/numbers?{query}")

        assert (answer.status, answer.json()["field"]) == (422, field)
