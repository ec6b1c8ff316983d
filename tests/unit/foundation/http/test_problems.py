import io
from typing import Annotated

import msgspec
import pytest
from fastapi import FastAPI, Query
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from vitascope.foundation.errors import Conflict, TooManyRequests, Unauthenticated, Unavailable
from vitascope.foundation.http.problems import install
from vitascope.foundation.http.ranges import RangeNotSatisfiable
from vitascope.foundation.telemetry.logs import LoggingSettings, configure_logging
from vitascope.foundation.telemetry.trace import new_trace, traced
from vitascope.foundation.testing.asgi import call


class SlotTaken(Conflict):
    """Another film is shown then."""


class Address(BaseModel):
    city: str


class Viewer(BaseModel):
    name: str
    addresses: list[Address]


class Beat(msgspec.Struct):
    at: list[int]


@pytest.fixture(name="app")
def _app() -> FastAPI:
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    install(app)

    @app.get("/raise/{name}")
    async def fail(name: str) -> None:
        raise {
            "conflict": SlotTaken(extra={"slot": 3}),
            "limited": TooManyRequests(extra={"retry_after": 2.2}),
            "anonymous": Unauthenticated(),
            "range": RangeNotSatisfiable(extra={"content_range": "bytes */9"}),
            "teapot": HTTPException(418),
            "unknown": HTTPException(498, "Odd."),
            "down": Unavailable(),
            "forbidden": HTTPException(403, "Not here."),
            "bug": ZeroDivisionError("canary-7f3a"),
        }[name]

    @app.post("/viewers")
    async def viewers(viewer: Viewer, limit: Annotated[int, Query(ge=1)] = 1) -> Viewer:
        return viewer

    @app.post("/beats")
    async def beats(raw: str) -> None:
        msgspec.json.decode(raw, type=Beat)

    return app


class TestProblems:
    async def test_error_of_ours(self, app: FastAPI) -> None:
        """An error of ours tells its type, title, status, detail and extra members."""
        answer = await call(app, "GET", "/raise/conflict")

        assert answer.status == 409
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json() == {
            "type": "vitascope:slot-taken",
            "title": "Slot taken",
            "status": 409,
            "detail": "Another film is shown then.",
            "slot": 3,
        }

    @pytest.mark.parametrize(
        ("name", "status", "header", "value"),
        [
            ("limited", 429, "retry-after", "3"),
            ("anonymous", 401, "www-authenticate", 'Bearer realm="vitascope"'),
            ("range", 416, "content-range", "bytes */9"),
        ],
    )
    async def test_headers(self, app: FastAPI, name: str, status: int, header: str, value: str) -> None:
        """What the error knows goes into the header that HTTP has for it."""
        answer = await call(app, "GET", f"/raise/{name}")

        assert (answer.status, answer.headers[header]) == (status, value)

    @pytest.mark.parametrize(
        ("method", "path", "status", "kind"),
        [
            ("GET", "/nowhere", 404, "vitascope:not-found"),
            ("DELETE", "/beats", 405, "vitascope:method-not-allowed"),
            ("GET", "/raise/teapot", 418, "vitascope:i-m-a-teapot"),
            ("GET", "/raise/unknown", 498, "vitascope:error"),
            ("GET", "/raise/forbidden", 403, "vitascope:forbidden"),
        ],
    )
    async def test_framework_errors(
        self, app: FastAPI, method: str, path: str, status: int, kind: str
    ) -> None:
        """The framework's own errors are problems with a stable type too."""
        answer = await call(app, method, path)

        assert (answer.status, answer.json()["type"], answer.json()["status"]) == (status, kind, status)
        assert answer.headers["content-type"] == "application/problem+json"

    async def test_allow_header_survives(self, app: FastAPI) -> None:
        """405 still says which methods are allowed."""
        answer = await call(app, "DELETE", "/beats")

        assert answer.headers["allow"] == "POST"

    async def test_unserved_is_logged(self, app: FastAPI) -> None:
        """A request that could not be served is an answer to the client and a warning to the operator."""
        log = io.BytesIO()
        configure_logging(LoggingSettings(), stream=log)

        answer = await call(app, "GET", "/raise/down")

        assert answer.status == 503
        assert "vitascope:unavailable" in log.getvalue().decode()

    async def test_unexpected(self, app: FastAPI) -> None:
        """A bug is told without its inside, and logged with its trace."""
        log = io.BytesIO()
        configure_logging(LoggingSettings(), stream=log)
        span = new_trace()

        with traced(span):
            answer = await call(app, "GET", "/raise/bug")

        assert answer.status == 500
        assert "canary" not in answer.body.decode()
        assert "Traceback" not in answer.body.decode()
        assert answer.json()["type"] == "vitascope:internal-error"
        assert answer.json()["trace"] == span.trace_id
        assert span.trace_id in log.getvalue().decode()
        assert "ZeroDivisionError" in log.getvalue().decode()


class TestValidation:
    async def test_field_of_body(self, app: FastAPI) -> None:
        """A wrong member of the body is named with dots and as a JSON pointer, its value is not repeated."""
        answer = await call(
            app,
            "POST",
            "/viewers",
            headers={"content-type": "application/json"},
            body=b'{"name": {"x": "canary-7f3a"}, "addresses": [{}]}',
        )

        assert answer.status == 422
        assert answer.json()["field"] == "name"
        assert [error["pointer"] for error in answer.json()["errors"]] == ["#/name", "#/addresses/0/city"]
        assert b"canary" not in answer.body

    async def test_field_of_query(self, app: FastAPI) -> None:
        """A wrong query parameter is named without a pointer."""
        answer = await call(
            app,
            "POST",
            "/viewers?limit=0",
            headers={"content-type": "application/json"},
            body=b'{"name": "a", "addresses": []}',
        )

        assert answer.json()["errors"] == [
            {"field": "limit", "detail": "Input should be greater than or equal to 1"}
        ]

    async def test_broken_json(self, app: FastAPI) -> None:
        """A body that is not JSON is a problem of the body."""
        answer = await call(app, "POST", "/viewers", headers={"content-type": "application/json"}, body=b"{,")

        assert (answer.status, answer.json()["field"]) == (422, "body")

    async def test_msgspec(self, app: FastAPI) -> None:
        """A msgspec error names its place the same way."""
        wrong = await call(app, "POST", '/beats?raw={"at":[1,"x"]}')
        broken = await call(app, "POST", "/beats?raw={")

        assert (wrong.json()["field"], wrong.json()["errors"][0]["pointer"]) == ("at.1", "#/at/1")
        assert (broken.status, broken.json()["field"]) == (422, "body")


class TestOpenApi:
    def test_every_operation_documents_problems(self, app: FastAPI) -> None:
        """Every operation refers to the one problem response, and FastAPI's own error schema is gone."""
        document = app.openapi()

        for path in document["paths"].values():
            for operation in path.values():
                assert operation["responses"]["default"] == {"$ref": "#/components/responses/Problem"}
        assert "HTTPValidationError" not in document["components"]["schemas"]
        assert {"Problem", "FieldProblem"} <= document["components"]["schemas"].keys()
        assert document["paths"]["/viewers"]["post"]["responses"]["422"] == {
            "$ref": "#/components/responses/Problem"
        }
