"""Every error answer is a problem document (RFC 9457) with a stable type and the field that is wrong.

`install(app)` does all of it for a FastAPI or Starlette application: our own errors, the
framework's, validation errors of pydantic and msgspec, and whatever nobody expected, which is
logged with its trace and answered without a word about the inside.
"""

import math
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.client import responses
from typing import Any

import msgspec
import orjson
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from vitascope.foundation.errors import Invalid, VitascopeError
from vitascope.foundation.http.telemetry import shown_path
from vitascope.foundation.telemetry.trace import current_trace

MEDIA_TYPE = "application/problem+json"

_log = structlog.stdlib.get_logger(__name__)

_HEADER_OF_EXTRA = {"retry_after": "Retry-After", "content_range": "Content-Range"}
_CHALLENGE = 'Bearer realm="vitascope"'
_MSGSPEC_PLACE = re.compile(r"^(?P<why>.*?) - at `\$(?P<place>.*)`$", re.DOTALL)


class FieldProblem(BaseModel):
    """One field that is wrong."""

    field: str = Field(description="Where it is, with dots: `address.city`.")
    detail: str = Field(description="What is wrong with it.")
    pointer: str | None = Field(default=None, description="The same as a JSON pointer into the body.")


class Problem(BaseModel):
    """What went wrong and what to do about it (RFC 9457). Programs match the type."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["vitascope:not-found"])
    title: str
    status: int
    detail: str
    field: str | None = Field(default=None, description="The first field that is wrong.")
    errors: list[FieldProblem] | None = Field(default=None, description="Every field that is wrong.")
    trace: str | None = Field(default=None, description="Quote this when you ask for help.")


def response_of(error: VitascopeError, *, headers: Mapping[str, str] | None = None) -> Response:
    """The problem document that tells this error."""
    members = error.problem()
    trace = current_trace()
    if trace is not None:
        members["trace"] = trace.trace_id
    return Response(
        orjson.dumps(members, default=str),
        status_code=int(error.status),
        media_type=MEDIA_TYPE,
        headers={**_headers_of(error), **(headers or {})},
    )


def install(app: Starlette) -> None:
    """Answer every error of the application as a problem, and say so in its OpenAPI document."""
    handlers: Mapping[type[Exception], ExceptionHandler] = {
        VitascopeError: _tell,
        HTTPException: _tell,
        RequestValidationError: _tell,
        msgspec.ValidationError: _tell,
        msgspec.DecodeError: _tell,
        Exception: _tell_unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
    app.add_middleware(UnexpectedErrors)
    if isinstance(app, FastAPI):
        _document(app)


class UnexpectedErrors:
    """ASGI middleware: an exception that nobody expected becomes a 500 within the request's trace.

    The framework's own catch-all stands outside of every middleware, where the trace is gone.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer for whatever comes out of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            if started:
                raise  # half an answer is out: only closing the connection tells the client
            response = _answer(scope, error)
            await response(scope, receive, send)


def problem_of(error: Exception) -> VitascopeError | None:
    """The error of ours that says the same, or None if nobody expected this one."""
    if isinstance(error, VitascopeError):
        return error
    if isinstance(error, HTTPException):
        return _of_status(error.status_code, error.detail)
    if isinstance(error, RequestValidationError):
        return _of_fields([_of_pydantic(detail) for detail in error.errors()])
    if isinstance(error, msgspec.ValidationError):
        return _of_fields([_of_msgspec(str(error))])
    if isinstance(error, msgspec.DecodeError):
        return Invalid(f"The body cannot be read: {error}.", field="body")
    return None


def _answer(scope: Scope, error: Exception) -> Response:
    expected = problem_of(error)
    if expected is not None:
        if expected.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.warning(
                "request.unserved", path=shown_path(scope), kind=expected.kind, cause=repr(error.__cause__)
            )
        return response_of(expected, headers=getattr(error, "headers", None))
    _log.error("request.failed", path=shown_path(scope), method=scope["method"], exc_info=error)
    return response_of(_Unexpected())


async def _tell(request: Request, error: Exception) -> Response:
    return _answer(request.scope, error)


async def _tell_unexpected(request: Request, error: Exception) -> Response:
    return _answer(request.scope, error)


class _Unexpected(VitascopeError):
    """Something went wrong on our side. It is logged; quote the trace if you ask about it."""


_Unexpected.kind = "vitascope:internal-error"


def _headers_of(error: VitascopeError) -> dict[str, str]:
    headers = {}
    for member, header in _HEADER_OF_EXTRA.items():
        value = error.extra.get(member)
        if value is not None:
            headers[header] = str(math.ceil(value)) if isinstance(value, float) else str(value)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = _CHALLENGE
    return headers


def _of_status(status: int, detail: str) -> VitascopeError:
    """Our error for a bare status: the class that has it, else one named by the status's phrase."""
    for kind in VitascopeError.__subclasses__():
        if kind.status == status and kind.__module__ == VitascopeError.__module__:
            return kind(_sentence(status, detail, kind))
    error = VitascopeError(detail)
    error.status = status  # type: ignore[misc]  # one instance tells one status
    error.kind = f"vitascope:{_slug(status)}"  # type: ignore[misc]  # the same
    return error


def _slug(status: int) -> str:
    return re.sub(r"[^a-z]+", "-", responses.get(status, "error").lower())


def _sentence(status: int, detail: str, kind: type[VitascopeError]) -> str | None:
    """The given detail, unless it is only the status's phrase: then the class says it better."""
    return None if detail in {responses.get(status), "Content Too Large"} and kind.__doc__ else detail


def _of_fields(problems: Sequence[FieldProblem]) -> Invalid:
    first = problems[0]
    return Invalid(
        f"{first.field}: {first.detail}",
        field=first.field,
        extra={"errors": [problem.model_dump(exclude_none=True) for problem in problems]},
    )


def _of_pydantic(detail: Mapping[str, Any]) -> FieldProblem:
    """One pydantic error; the input is left out, because it may be a secret."""
    place, *steps = (str(step) for step in detail["loc"])
    if detail["type"] == "json_invalid":
        steps = []  # its step is a character position, not a field
    field = ".".join(steps) or place
    return FieldProblem(
        field=field, detail=detail["msg"], pointer=_pointer(steps) if place == "body" else None
    )


def _of_msgspec(message: str) -> FieldProblem:
    """One msgspec error, whose place stands at the end of its message: `… - at `$.a[0]``."""
    match = _MSGSPEC_PLACE.match(message)
    if match is None:
        return FieldProblem(field="body", detail=message, pointer="#")
    steps = re.findall(r"[^.\[\]]+", match["place"])
    return FieldProblem(field=".".join(steps) or "body", detail=match["why"], pointer=_pointer(steps))


def _pointer(steps: Sequence[str]) -> str:
    """A JSON pointer (RFC 6901) in a URI fragment."""
    return "#" + "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def _document(app: FastAPI) -> None:
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = documented(generate())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def documented(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document in which every operation may answer with a problem."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    model = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(model.pop("$defs"))
    schemas["Problem"] = model
    components.setdefault("responses", {})["Problem"] = {
        "description": "What went wrong, as RFC 9457 tells it.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for path in document.get("paths", {}).values():
        for operation in path.values():
            _document_operation(operation)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def _document_operation(operation: Any) -> None:
    if not isinstance(operation, dict) or "responses" not in operation:
        return
    responses, problem = operation["responses"], {"$ref": "#/components/responses/Problem"}
    responses["default"] = problem
    if "422" in responses:
        responses["422"] = problem
