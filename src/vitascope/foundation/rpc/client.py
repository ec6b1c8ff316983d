"""Calling a contract's provider in another process."""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from http import HTTPStatus
from typing import Any, TypeVar, cast

import aiohttp
import msgspec

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context
from vitascope.foundation.encoding import from_json, to_json
from vitascope.foundation.errors import DeadlineExceeded, Unavailable, VitascopeError
from vitascope.foundation.rpc.envelope import HEADER, Seal
from vitascope.foundation.rpc.methods import Method, methods_of, name_of

T = TypeVar("T")

PREFIX = "/rpc"
_LONGEST = timedelta(seconds=30)


class RemoteUnavailable(Unavailable):
    """A service that runs in another process does not answer; try again soon."""


class RemoteFailed(VitascopeError):
    """A service that runs in another process failed in a way that it did not explain."""


class Remote:
    """Another process of the platform, at an address like `http://10.0.0.7:8001`."""

    def __init__(self, *, url: str, seal: Seal, clock: Clock) -> None:
        self._url, self._seal, self._clock = url.rstrip("/"), seal, clock
        self._session: aiohttp.ClientSession | None = None

    def client(self, contract: type[T]) -> T:
        """An object that implements the contract by calling the provider there."""
        calls = {name: self._call(contract, method) for name, method in methods_of(contract).items()}
        made = type(f"Remote{contract.__name__}", (), calls)
        return cast("T", made())

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _call(self, contract: type[Any], method: Method) -> Callable[..., Coroutine[Any, Any, Any]]:
        address = f"{PREFIX}/{name_of(contract)}/{method.name}"

        async def call(_self: object, ctx: Context, **arguments: Any) -> Any:
            answer = await self._post(ctx, address, to_json(arguments))
            return from_json(answer, method.returns)

        call.__name__ = method.name
        return call

    async def _post(self, ctx: Context, address: str, body: bytes) -> bytes:
        """Send once: whether a call may be repeated, only its caller knows."""
        seconds = self._seconds(ctx)
        headers = {HEADER: self._seal.header(ctx, address=address, body=body)}
        if ctx.trace is not None:
            headers["traceparent"] = ctx.trace
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._opened().post(
                self._url + address, data=body, headers=headers, timeout=timeout
            ) as response:
                answer = await response.read()
        except TimeoutError as failure:
            raise (DeadlineExceeded if ctx.deadline else RemoteUnavailable) from failure
        except aiohttp.ClientError as failure:
            raise RemoteUnavailable from failure
        if response.status != HTTPStatus.OK:
            raise _error(answer)
        return answer

    def _seconds(self, ctx: Context) -> float:
        """How long the caller waits at most."""
        if ctx.deadline is None:
            return _LONGEST.total_seconds()
        left = min(_LONGEST, ctx.deadline - self._clock.now())
        if left <= timedelta():
            raise DeadlineExceeded
        return left.total_seconds()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session


def _error(answer: bytes) -> VitascopeError:
    """The error that the provider raised, as the same class."""
    try:
        problem = from_json(answer, dict[str, Any])
    except msgspec.DecodeError:
        return RemoteFailed()
    kind = VitascopeError.registry.get(str(problem.get("type")), RemoteFailed)
    known = {"type", "title", "status", "detail", "field", "trace"}
    extra = {name: value for name, value in problem.items() if name not in known}
    return kind(problem.get("detail"), field=problem.get("field"), extra=extra)
