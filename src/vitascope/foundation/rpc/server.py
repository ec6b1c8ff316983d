"""Answering calls of other processes of the platform."""

import asyncio
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context
from vitascope.foundation.encoding import to_json
from vitascope.foundation.errors import DeadlineExceeded, NotFound, VitascopeError
from vitascope.foundation.http.problems import response_of
from vitascope.foundation.rpc.client import PREFIX
from vitascope.foundation.rpc.envelope import HEADER, Seal
from vitascope.foundation.rpc.methods import Method, methods_of, name_of
from vitascope.foundation.wiring import Container


class NoSuchMethod(NotFound):
    """This process provides no such contract or method."""


class RpcServer:
    """Answers for the providers of these contracts, which it finds in the container."""

    def __init__(self, *, contracts: Iterable[type[Any]], container: Container, seal: Seal) -> None:
        self._contracts = {name_of(one): (one, methods_of(one)) for one in contracts}
        self._container, self._seal = container, seal

    def routes(self) -> list[Route]:
        """What a Starlette application serves for it; only calls of our own processes are answered."""
        return [Route(PREFIX + "/{contract}/{method}", self._answer, methods=["POST"])]

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        try:
            sealed = request.headers.get(HEADER, "")
            ctx = self._seal.open(sealed, address=request.url.path, body=body)
            provider, method = self._find(request)
            result = await self._run(ctx, provider, method, body)
        except VitascopeError as failure:
            return response_of(failure)
        return Response(result, media_type="application/json")

    def _find(self, request: Request) -> tuple[Any, Method]:
        contract, methods = self._contracts.get(request.path_params["contract"], (None, {}))
        method = methods.get(request.path_params["method"])
        if contract is None or method is None:
            raise NoSuchMethod
        return self._container.get(contract), method

    async def _run(self, ctx: Context, provider: Any, method: Method, body: bytes) -> bytes:
        """The result as JSON, unless the caller's deadline comes first."""
        arguments = method.read(body)
        try:
            async with asyncio.timeout(self._left(ctx)):
                result = await getattr(provider, method.name)(ctx, **arguments)
        except TimeoutError as failure:
            raise DeadlineExceeded from failure
        return to_json(result)

    def _left(self, ctx: Context) -> float | None:
        if ctx.deadline is None:
            return None
        clock = self._container.get(Clock)  # type: ignore[type-abstract]  # a port is asked for by its Protocol
        return (ctx.deadline - clock.now()).total_seconds()
