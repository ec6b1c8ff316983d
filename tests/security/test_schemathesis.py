"""Schemathesis asks every operation of the OpenAPI document with what fits its schema and what does not."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from requests import Session
from schemathesis import APIOperation, Case, CheckContext, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp
from tests.security.conftest import House

from vitascope.identity.users.contracts import Role
from vitascope.runtime.testing import PlatformUnderTest

EXAMPLES = 5
ENDLESS = ("/events", "/live")
"""Streams of events, which do not end while somebody listens."""
PROBLEM = "application/problem+json"


def no_server_error(_: CheckContext, response: schemathesis.Response, case: Case[Any]) -> None:
    """Nothing that is sent breaks anything."""
    assert response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR or _is_expected(response), (
        f"{case.method} {case.path}: {response.status_code} {response.text}"
    )


def _is_expected(response: schemathesis.Response) -> bool:
    return response.status_code == HTTPStatus.INSUFFICIENT_STORAGE


def tells_a_problem(_: CheckContext, response: schemathesis.Response, case: Case[Any]) -> None:
    """What is refused says why, as RFC 9457 has it, and nothing of the inside."""
    if response.status_code < HTTPStatus.BAD_REQUEST or case.method == "HEAD":
        return
    assert response.headers["content-type"][0].startswith(PROBLEM), response.headers["content-type"]
    problem = response.json()
    assert problem["status"] == response.status_code
    assert {"type", "title", "detail"} <= problem.keys()
    assert "Traceback" not in response.text


CHECKS = [
    no_server_error,
    tells_a_problem,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[ASGIApp], str]]:
    """Serves an application on a free loopback port; gives its address."""
    running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    def start(app: ASGIApp) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
        running.append((server, asyncio.create_task(server.serve(sockets=[listening]))))
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    for server, task in running:
        server.should_exit = True
        await task


def faults(address: str, *, document: str, headers: dict[str, str], ids: dict[str, str]) -> list[str]:
    """What is wrong with the answers of all operations; prints the seed that makes it happen again."""
    number = random.SystemRandom().randrange(1 << 32)
    print(f"seed {number}")  # noqa: T201 - a failure is repeated with it
    schema = schemathesis.openapi.from_url(f"{address}{document}")
    with Session() as session:
        operations = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
        asked = [_ask(one, session, headers, ids, number) for one in operations]
    return [fault for found in asked for fault in found]


def _ask(
    operation: APIOperation[Any, Any, Any, Any],
    session: Session,
    headers: dict[str, str],
    ids: dict[str, str],
    number: int,
) -> Iterator[str]:
    if operation.path.endswith(ENDLESS):
        return
    known = {name: value for name, value in ids.items() if f"{{{name}}}" in operation.path}
    for mode in GenerationMode:
        for there in [{}, known] if known else [{}]:
            strategy = (
                operation.as_strategy(mode, path_parameters=there) if there else operation.as_strategy(mode)
            )

            @seed(number)
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=strategy)
            def attempt(case: Case[Any]) -> None:
                case.call_and_validate(session=session, headers=headers, checks=CHECKS, timeout=60)

            try:
                attempt()
            except Unsatisfiable:
                continue  # an operation without parameters takes whatever is sent
            except (BaseExceptionGroup, Exception) as fault:  # noqa: BLE001 - all faults are told together
                yield f"{operation.label} ({mode}): {_causes(fault)}"


def _causes(fault: BaseException) -> str:
    inner = fault.exceptions if isinstance(fault, BaseExceptionGroup) else [fault]
    return " | ".join(f"{type(one).__name__}: {one}" for one in inner)


class TestSchemathesis:
    @pytest.mark.parametrize("role", [None, Role.OWNER])
    async def test_nothing_breaks(
        self,
        platform: PlatformUnderTest,
        home: House,
        serve: Callable[[ASGIApp], str],
        role: Role | None,
    ) -> None:
        """Whatever is sent, no operation breaks, and each answers as its document says."""
        address = serve(platform.app)
        headers = {**home.headers(role), "tus-resumable": "1.0.0"}

        found = await asyncio.to_thread(
            faults, address, document="/api/v1/openapi.json", headers=headers, ids=dict(home.ids)
        )

        assert "\n".join(found) == ""

    async def test_a_fault_is_seen(self, serve: Callable[[ASGIApp], str]) -> None:
        """Planted: an operation that breaks, and tells its error as it likes, is found."""

        async def broken(_: Request) -> JSONResponse:
            return JSONResponse({"detail": "oh"}, status_code=500)

        async def document(_: Request) -> JSONResponse:
            operation = {"get": {"responses": {"200": {"description": "fine"}}}}
            about = {"title": "Broken", "version": "1"}
            return JSONResponse({"openapi": "3.1.0", "info": about, "paths": {"/broken": operation}})

        address = serve(Starlette(routes=[Route("/broken", broken), Route("/openapi.json", document)]))

        found = await asyncio.to_thread(faults, address, document="/openapi.json", headers={}, ids={})

        assert len(found) > 0
