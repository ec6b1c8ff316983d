import asyncio
import importlib.util
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import AccountId, Context, Principal, TenantId
from vitascope.foundation.errors import DeadlineExceeded, Gone, Invalid
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.rpc.client import Remote, RemoteFailed, RemoteUnavailable
from vitascope.foundation.rpc.envelope import HEADER, Call, Seal, UntrustedCall
from vitascope.foundation.rpc.methods import NotCallableFromAfar, asks_nobody, methods_of
from vitascope.foundation.testing.clock import ManualClock

_PROGRAM = Path(__file__).with_name("provider.py")
_SOURCE = Path(__file__).parents[4] / "src"
_KEY = "a secret that both sides know"


def _load() -> Any:
    """The contract of the program, without the tests' folders being packages."""
    spec = importlib.util.spec_from_file_location("provider", _PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["provider"] = module
    spec.loader.exec_module(module)
    return module


provider = _load()


@pytest.fixture(name="url", scope="module")
def _url() -> Iterator[str]:
    port = _free_port()
    process = _spawn(port)
    yield f"http://127.0.0.1:{port}"
    os.kill(process, 9)
    os.waitpid(process, 0)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _remote_at(url: str, *, key: str = _KEY) -> Remote:
    return Remote(url=url, seal=Seal(key=key.encode(), clock=SystemClock()), clock=SystemClock())


async def _post(address: str, body: bytes, header: str | None = None) -> int:
    headers = {HEADER: header} if header is not None else {}
    async with (
        aiohttp.ClientSession() as session,
        session.post(address, data=body, headers=headers) as answer,
    ):
        return answer.status


async def _empty_list(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"}")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]")
    await writer.drain()
    writer.close()


def _spawn(port: int) -> int:
    arguments = [sys.executable, str(_PROGRAM), str(port), _KEY]
    process = os.posix_spawn(sys.executable, arguments, {**os.environ, "PYTHONPATH": str(_SOURCE)})
    for _ in range(2400):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return process
    raise TimeoutError(port)


@pytest.fixture(name="remote")
async def _remote(url: str) -> AsyncIterator[Remote]:
    made = _remote_at(url)
    yield made
    await made.close()


@pytest.fixture(name="reels")
def _reels(remote: Remote) -> Any:
    return remote.client(provider.Reels)


@pytest.fixture(name="caller")
def _caller() -> Context:
    ids = RandomIds()
    principal = Principal(account=ids.new(AccountId), permissions=frozenset({"reels.read", "reels.tear"}))
    return Context(
        tenant=ids.new(TenantId),
        principal=principal,
        deadline=datetime.now(UTC) + timedelta(seconds=25),
        trace="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )


class TestCall:
    async def test_arguments_result_and_context_arrive_as_they_are(self, reels: Any, caller: Context) -> None:
        """Typed arguments, the default of one left out, the result and the whole context pass through."""
        ids = [RandomIds().new(provider.ReelId) for _ in range(2)]

        found = await reels.reels(caller, ids=ids)

        assert found == [provider.Reel(one, 10, caller) for one in ids]
        assert isinstance(found[0].id, provider.ReelId)

    async def test_error_comes_back_as_its_class(self, reels: Any, caller: Context) -> None:
        """An error of the contract is raised as the same class, with its words, field and extra members."""
        reel = RandomIds().new(provider.ReelId)

        with pytest.raises(provider.ReelTorn, match=f"tore {reel}") as caught:
            await reels.tear(caller, reel=reel)

        assert (caught.value.field, caught.value.extra) == ("reel", {"frame": 7})

    async def test_values_of_all_kinds_and_no_context(self, reels: Any) -> None:
        """A method without context takes and gives None, instants, spans of time, and mappings by id."""
        named, unnamed = await reels.shelves(name="north"), await reels.shelves(name=None)

        shelf = provider.Shelf("north", datetime(1896, 4, 23, 20, 0, 0, 25, UTC), timedelta(minutes=5))
        assert list(named.values()) == [shelf, None]
        assert all(isinstance(one, provider.ReelId) for one in named)
        assert [one and one.name for one in unnamed.values()] == [None, None]

    async def test_error_of_unknown_class_keeps_its_kind(self, reels: Any, caller: Context) -> None:
        """An error that this process has no class for is raised as the general one of its status."""
        with pytest.raises(Gone, match="a moment ago") as caught:
            await reels.mislay(caller)

        assert caught.value.extra == {"shelf": 3}

    async def test_context_is_given_exactly_where_it_is_taken(self, reels: Any, caller: Context) -> None:
        """A context too much or too few is a mistake of the program, told before anything is sent."""
        with pytest.raises(TypeError, match="no context"):
            await reels.shelves(caller)
        with pytest.raises(TypeError, match="one context"):
            await reels.wind(seconds=0)

    async def test_unexpected_error_tells_nothing(self, reels: Any, caller: Context) -> None:
        """An error that no contract knows is told as a failure, without its inside."""
        with pytest.raises(RemoteFailed) as caught:
            await reels.break_down(caller)

        assert caller.tenant not in caught.value.detail

    async def test_wrong_argument_is_named(self, reels: Any, caller: Context) -> None:
        """An argument of a wrong type or name is an error that names it."""
        with pytest.raises(Invalid) as wrong:
            await reels.reels(caller, ids=["no id"])
        with pytest.raises(Invalid) as unknown:
            await reels.tear(caller, spool=1)

        assert wrong.value.field == "ids"
        assert unknown.value.field in {"spool", "reel"}


class TestDeadline:
    async def test_passes_on_and_ends_the_wait(self, reels: Any, caller: Context) -> None:
        """A call that takes longer than its caller waits ends as `DeadlineExceeded`."""
        hurried = Context(tenant=caller.tenant, deadline=datetime.now(UTC) + timedelta(seconds=0.3))

        with pytest.raises(DeadlineExceeded):
            await reels.wind(hurried, seconds=5)

    async def test_provider_stops_at_the_deadline(self, url: str, reels: Any, caller: Context) -> None:
        """The provider stops by itself when nobody waits any more, though its caller said nothing."""
        address, body = "/rpc/provider.Reels/wind", b'{"seconds":0.6}'
        seal = Seal(key=_KEY.encode(), clock=SystemClock())
        soon = Call(caller, datetime.now(UTC) + timedelta(seconds=0.2))

        status = await _post(url + address, body, seal.header(soon, address=address, body=body))

        assert status == HTTPStatus.GATEWAY_TIMEOUT
        assert 0.6 not in await reels.wound(caller)

    async def test_past_deadline_is_not_even_sent(self, caller: Context) -> None:
        """Whose deadline has passed calls nobody."""
        nowhere = _remote_at("http://127.0.0.1:9")
        late = Context(tenant=caller.tenant, deadline=datetime.now(UTC))

        with pytest.raises(DeadlineExceeded):
            await nowhere.client(provider.Reels).wind(late, seconds=0)


class TestUnavailable:
    async def test_connecting_is_tried_again(self, caller: Context) -> None:
        """A provider that is just being started again is waited for, as long as nothing has been sent."""
        port = _free_port()
        early = _remote_at(f"http://127.0.0.1:{port}")
        asked = asyncio.create_task(early.client(provider.Reels).wound(caller))
        await asyncio.sleep(0.1)

        server = await asyncio.start_server(_empty_list, "127.0.0.1", port)

        assert await asked == []
        await early.close()
        server.close()

    async def test_nothing_is_sent_twice(self, caller: Context) -> None:
        """A connection that breaks after the call was sent is told, not tried again."""
        sent: list[bytes] = []

        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            sent.append(await reader.readuntil(b"}"))
            writer.close()

        port = _free_port()
        server = await asyncio.start_server(hang_up, "127.0.0.1", port)
        remote = _remote_at(f"http://127.0.0.1:{port}")

        with pytest.raises(RemoteUnavailable):
            await remote.client(provider.Reels).wind(caller, seconds=0)

        assert len(sent) == 1
        await remote.close()
        server.close()

    async def test_says_whether_it_lives(self) -> None:
        """A process that does not answer fails its health check with its address."""
        url = f"http://127.0.0.1:{_free_port()}"
        nowhere = _remote_at(url)

        with pytest.raises(RemoteUnavailable, match=url):
            await nowhere.require_alive()
        await nowhere.close()

    async def test_nobody_there(self, caller: Context) -> None:
        """A provider that does not answer is `RemoteUnavailable`."""
        nowhere = _remote_at(f"http://127.0.0.1:{_free_port()}")

        with pytest.raises(RemoteUnavailable):
            await nowhere.client(provider.Reels).wind(caller, seconds=0)
        await nowhere.close()


class TestSeal:
    async def test_other_key_is_refused(self, url: str, caller: Context) -> None:
        """A call signed with another key is a fault of the set-up, not of who asks; unsigned is 401."""
        stranger = _remote_at(url, key="other")

        with pytest.raises(RemoteUnavailable, match="does not come from one of our own"):
            await stranger.client(provider.Reels).wind(caller, seconds=0)

        await stranger.close()
        assert await _post(f"{url}/rpc/provider.Reels/wind", b"{}") == HTTPStatus.UNAUTHORIZED

    async def test_header_is_for_one_call(self, url: str, caller: Context) -> None:
        """A header that was seen opens neither another method nor another body."""
        seal = Seal(key=_KEY.encode(), clock=SystemClock())
        address, body = "/rpc/provider.Reels/wind", b'{"seconds":0}'
        header = seal.header(_call(caller), address=address, body=body)

        found = [
            await _post(url + address, body, header),
            await _post(url + address, b'{"seconds":1}', header),
            await _post(f"{url}/rpc/provider.Reels/break_down", body, header),
        ]

        assert found == [HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.UNAUTHORIZED]

    def test_body_is_covered_and_a_seal_without_it_is_caught(self, caller: Context) -> None:
        """A tampered body is refused; a planted seal that forgets the body lets it through."""

        class Forgetful(Seal):
            def _sign(self, payload: bytes, address: str, body: bytes) -> bytes:
                return super()._sign(payload, address, b"")

        def lets_through(kind: type[Seal]) -> bool:
            seal = kind(key=b"k", clock=SystemClock())
            header = seal.header(_call(caller), address="/a", body=b"1")
            try:
                seal.open(header, address="/a", body=b"2")
            except UntrustedCall:
                return False
            return True

        assert (lets_through(Seal), lets_through(Forgetful)) == (False, True)

    @pytest.mark.parametrize("age", [31.0, -31.0])
    def test_header_is_good_for_half_a_minute(self, caller: Context, age: float) -> None:
        """A header that is older, or from the future, is refused."""
        clock = ManualClock(datetime.now(UTC))
        seal = Seal(key=b"k", clock=clock)
        header = seal.header(_call(caller), address="/a", body=b"")

        clock.advance(age)

        with pytest.raises(UntrustedCall):
            seal.open(header, address="/a", body=b"")

    @pytest.mark.parametrize("header", ["", ".", "no base64!.%", "e30=.e30=", "e30="])
    def test_nonsense_is_refused(self, header: str) -> None:
        """A header that is no header of ours is refused like a wrong one."""
        with pytest.raises(UntrustedCall):
            Seal(key=b"k", clock=SystemClock()).open(header, address="/a", body=b"")


def _call(ctx: Context) -> Call:
    return Call(ctx, datetime.now(UTC) + timedelta(seconds=5))


class TestMethods:
    def test_method_that_cannot_be_sent_is_refused(self) -> None:
        """A contract whose method waits for nothing, or has undeclared types, cannot be called from afar."""

        class Local(Protocol):
            def peek(self, *, reel: int) -> int: ...

        class Untyped(Protocol):
            async def peek(self, ctx: Context, reel: int) -> int: ...

        with pytest.raises(NotCallableFromAfar, match="peek"):
            methods_of(Local)
        with pytest.raises(NotCallableFromAfar, match="peek"):
            methods_of(Untyped)

    def test_contract_of_plain_functions_asks_nobody(self) -> None:
        """A contract asks nobody if none of its methods can wait for an answer."""

        class Local(Protocol):
            def peek(self, *, reel: int) -> int: ...

        assert (asks_nobody(Local), asks_nobody(provider.Reels)) == (True, False)
