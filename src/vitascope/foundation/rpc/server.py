"""Answering calls of other processes of the platform."""

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vitascope.foundation.clock import Clock
from vitascope.foundation.encoding import to_json
from vitascope.foundation.errors import VitascopeError
from vitascope.foundation.http.problems import response_of
from vitascope.foundation.resilience.deadline import Deadline
from vitascope.foundation.rpc.envelope import HEADER, Call, Seal
from vitascope.foundation.rpc.methods import PREFIX, Method, NoSuchMethod, methods_of, name_of
from vitascope.foundation.wiring import Container


class RpcServer:
    """Answers for the providers of these contracts, which it finds in the container."""

    def __init__(self, *, contracts: Iterable[type[Any]], container: Container, seal: Seal) -> None:
        self._methods = {name_of(one): (one, methods_of(one)) for one in contracts}
        self._container, self._seal = container, seal
        self._clock: Clock = container.get(Clock)  # type: ignore[type-abstract]  # a port is asked for by its Protocol

    def routes(self) -> list[Route]:
        """What a Starlette application serves for it; only calls that our processes sealed are answered."""
        return [Route(PREFIX + "/{contract}/{method}", self._answer, methods=["POST"])]

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        try:
            sealed = request.headers.get(HEADER, "")
            call = self._seal.open(sealed, address=request.url.path, body=body)
            provider, method = self._find(request)
            result = await self._run(call, provider, method, body)
        except VitascopeError as failure:
            return response_of(failure)
        return Response(result, media_type="application/json")

    def _find(self, request: Request) -> tuple[Any, Method]:
        contract, methods = self._methods.get(request.path_params["contract"], (None, {}))
        method = methods.get(request.path_params["method"])
        if contract is None or method is None:
            raise NoSuchMethod
        return self._container.get(contract), method

    async def _run(self, call: Call, provider: Any, method: Method, body: bytes) -> bytes:
        """The result as JSON, unless the caller's deadline comes first."""
        arguments = method.read(body)
        contexts = (call.ctx,) if method.in_context else ()
        async with Deadline(call.deadline).enforced(clock=self._clock):
            result = await getattr(provider, method.name)(*contexts, **arguments)
        return to_json(result)
