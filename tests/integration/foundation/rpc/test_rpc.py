import importlib.util
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import AccountId, Context, Principal, TenantId
from vitascope.foundation.errors import DeadlineExceeded, Invalid
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.rpc.client import Remote, RemoteFailed, RemoteUnavailable
from vitascope.foundation.rpc.envelope import HEADER, Seal, UntrustedCall
from vitascope.foundation.rpc.methods import NotCallableFromAfar, methods_of

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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = _spawn(port)
    yield f"http://127.0.0.1:{port}"
    os.kill(process, 9)
    os.waitpid(process, 0)


def _spawn(port: int) -> int:
    arguments = [sys.executable, str(_PROGRAM), str(port), _KEY]
    process = os.posix_spawn(sys.executable, arguments, {**os.environ, "PYTHONPATH": str(_SOURCE)})
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return process
    raise TimeoutError(port)


@pytest.fixture(name="remote")
async def _remote(url: str) -> AsyncIterator[Remote]:
    made = Remote(url=url, seal=Seal(key=_KEY.encode(), clock=SystemClock()), clock=SystemClock())
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
        deadline=datetime.now(UTC) + timedelta(seconds=20),
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

    async def test_past_deadline_is_not_even_sent(self, caller: Context) -> None:
        """Whose deadline has passed calls nobody."""
        nowhere = Remote(
            url="http://127.0.0.1:9", seal=Seal(key=b"k", clock=SystemClock()), clock=SystemClock()
        )
        late = Context(tenant=caller.tenant, deadline=datetime.now(UTC))

        with pytest.raises(DeadlineExceeded):
            await nowhere.client(provider.Reels).wind(late, seconds=0)


class TestUnavailable:
    async def test_nobody_there(self, caller: Context) -> None:
        """A provider that does not answer is `RemoteUnavailable`."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        clock = SystemClock()
        nowhere = Remote(url=f"http://127.0.0.1:{port}", seal=Seal(key=b"k", clock=clock), clock=clock)

        with pytest.raises(RemoteUnavailable):
            await nowhere.client(provider.Reels).wind(caller, seconds=0)
        await nowhere.close()


class TestSeal:
    async def test_other_key_is_refused(self, url: str, caller: Context) -> None:
        """A call that is signed with another key, or not at all, is refused."""
        stranger = Remote(url=url, seal=Seal(key=b"other", clock=SystemClock()), clock=SystemClock())

        with pytest.raises(UntrustedCall):
            await stranger.client(provider.Reels).wind(caller, seconds=0)
        await stranger.close()
        async with aiohttp.ClientSession() as session, session.post(f"{url}/rpc/provider.Reels/wind") as bare:
            assert bare.status == 403

    async def test_header_is_for_one_call(self, url: str, caller: Context) -> None:
        """A header that was seen opens neither another method nor another body."""
        seal = Seal(key=_KEY.encode(), clock=SystemClock())
        header = seal.header(caller, address="/rpc/provider.Reels/wind", body=b'{"seconds":0}')

        async def status(method: str, body: bytes) -> int:
            async with (
                aiohttp.ClientSession() as session,
                session.post(
                    f"{url}/rpc/provider.Reels/{method}", data=body, headers={HEADER: header}
                ) as answer,
            ):
                return answer.status

        found = [
            await status("wind", b'{"seconds":0}'),
            await status("wind", b'{"seconds":1}'),
            await status("break_down", b'{"seconds":0}'),
        ]
        assert found == [200, 403, 403]

    def test_old_header_is_refused(self, caller: Context) -> None:
        """A header is good for a minute."""

        class Later:
            def now(self) -> datetime:
                return datetime.now(UTC) + timedelta(seconds=61)

        header = Seal(key=b"k", clock=SystemClock()).header(caller, address="/a", body=b"")

        with pytest.raises(UntrustedCall):
            Seal(key=b"k", clock=Later()).open(header, address="/a", body=b"")


class TestMethods:
    def test_method_that_cannot_be_sent_is_refused(self) -> None:
        """A contract whose method is not async, or takes no context, cannot be called from afar."""

        class Local(Protocol):
            def peek(self, *, reel: int) -> int: ...

        with pytest.raises(NotCallableFromAfar, match="peek"):
            methods_of(Local)
