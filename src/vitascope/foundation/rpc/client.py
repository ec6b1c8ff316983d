"""Calling a contract's provider in another process."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any, TypeVar, cast

import aiohttp
import msgspec

from vitascope.foundation import errors
from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context
from vitascope.foundation.encoding import from_json, to_json
from vitascope.foundation.errors import Unavailable, VitascopeError
from vitascope.foundation.resilience.deadline import Deadline
from vitascope.foundation.rpc.envelope import HEADER, Call, Seal, UntrustedCall
from vitascope.foundation.rpc.methods import Method, NoSuchMethod, address_of, methods_of
from vitascope.foundation.telemetry.trace import current_trace

T = TypeVar("T")

LONGEST = timedelta(seconds=30)
_PAUSES = (0.05, 0.2, 0.5)  # between tries to connect: nothing has been sent yet, so nothing happens twice
_IDLE_SECONDS = 3.0  # less than a server keeps an idle connection, or it would close one that is being used
_ABOUT_ALIVE = aiohttp.ClientTimeout(total=2)
_OF_PROBLEMS = frozenset({"type", "title", "status", "detail", "field", "trace"})
_TREE = {
    int(one.status): one
    for one in vars(errors).values()
    if isinstance(one, type) and issubclass(one, VitascopeError) and one is not VitascopeError
}


class RemoteUnavailable(Unavailable):
    """A service that runs in another process does not answer; try again soon."""


class RemoteFailed(VitascopeError):
    """A service that runs in another process failed in a way that it did not explain; its log says more."""


class Remote:
    """Another process of the platform, at an address like `http://10.0.0.7:8001`."""

    def __init__(self, *, url: str, seal: Seal, clock: Clock) -> None:
        self._url, self._seal, self._clock = url.rstrip("/"), seal, clock
        self._session: aiohttp.ClientSession | None = None

    def client(self, contract: type[T]) -> T:
        """An object that implements the contract by calling the provider there."""
        calls = {name: self._caller(contract, method) for name, method in methods_of(contract).items()}
        made = type(f"Remote{contract.__name__}", (), calls)
        return cast("T", made())

    async def require_alive(self) -> None:
        """Raise `RemoteUnavailable` unless the process answers."""
        try:
            async with self._opened().get(f"{self._url}/livez", timeout=_ABOUT_ALIVE) as response:
                alive = response.status == HTTPStatus.OK
        except (aiohttp.ClientError, TimeoutError) as failure:
            raise RemoteUnavailable(f"Nothing answers at {self._url}.") from failure
        if not alive:
            raise RemoteUnavailable(f"What answers at {self._url} is not one of our processes.")

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _caller(self, contract: type[Any], method: Method) -> Callable[..., Coroutine[Any, Any, Any]]:
        address = address_of(contract, method.name)

        async def call(_self: object, *contexts: Context, **arguments: Any) -> Any:
            ctx = _only(contexts, method)
            answer = await self._ask(ctx, address, to_json(arguments))
            try:
                return from_json(answer, method.returns)
            except msgspec.DecodeError as failure:
                raise RemoteFailed(
                    f"{address} answered something else than it should: {failure}"
                ) from failure

        call.__name__ = method.name
        return call

    async def _ask(self, ctx: Context | None, address: str, body: bytes) -> bytes:
        """The answer's body, before the deadline; an error of the provider is raised as the same class."""
        deadline = self._deadline(ctx)
        bounded = replace(ctx, deadline=deadline.at) if ctx is not None else None
        async with deadline.enforced(clock=self._clock):
            status, answer = await self._connected(Call(bounded, deadline.at), address, body)
        if status != HTTPStatus.OK:
            raise self._error(status, answer)
        return answer

    async def _connected(self, call: Call, address: str, body: bytes) -> tuple[int, bytes]:
        """Send once: whether a call may be repeated only its caller knows. To connect is tried again."""
        for pause in _PAUSES:
            try:
                return await self._post(call, address, body)
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(pause)
            except aiohttp.ClientError as failure:
                raise RemoteUnavailable from failure
        try:
            return await self._post(call, address, body)
        except aiohttp.ClientError as failure:
            raise RemoteUnavailable from failure

    async def _post(self, call: Call, address: str, body: bytes) -> tuple[int, bytes]:
        headers = {
            HEADER: self._seal.header(call, address=address, body=body),
            "content-type": "application/json",
        }
        trace = _traceparent(call.ctx)
        if trace is not None:
            headers["traceparent"] = trace
        async with self._opened().post(self._url + address, data=body, headers=headers) as response:
            return response.status, await response.read()

    def _deadline(self, ctx: Context | None) -> Deadline:
        """When the caller stops to wait: its own deadline, or that of every call."""
        longest = Deadline.after(LONGEST.total_seconds(), clock=self._clock)
        if ctx is None or ctx.deadline is None:
            return longest
        return Deadline(min(ctx.deadline, longest.at))

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(keepalive_timeout=_IDLE_SECONDS)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None),  # ours is the deadline
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _error(self, status: int, answer: bytes) -> VitascopeError:
        """The error that the provider raised, as the same class."""
        try:
            problem = from_json(answer, dict[str, Any])
        except msgspec.DecodeError:
            return RemoteFailed()
        error = _as_raised(status, problem)
        if isinstance(
            error, UntrustedCall | NoSuchMethod
        ):  # not the fault of who asks, but of how we are set up
            return RemoteUnavailable(f"{self._url} does not serve this process: {error.detail}")
        return error


def _only(contexts: tuple[Context, ...], method: Method) -> Context | None:
    if len(contexts) != method.in_context:
        raise TypeError(f"{method.name} takes {'one context' if method.in_context else 'no context'}")
    return contexts[0] if contexts else None


def _traceparent(ctx: Context | None) -> str | None:
    span = current_trace()
    if span is not None:
        return span.traceparent
    return ctx.trace if ctx is not None else None


def _as_raised(status: int, problem: dict[str, Any]) -> VitascopeError:
    """The error as its class, or as the one of the tree with its status when the class is not known here."""
    kind = VitascopeError.registry.get(str(problem.get("type"))) or _TREE.get(status, RemoteFailed)
    error = kind.__new__(kind)
    extra = {name: value for name, value in problem.items() if name not in _OF_PROBLEMS}
    VitascopeError.__init__(error, problem.get("detail"), field=problem.get("field"), extra=extra)
    return error
