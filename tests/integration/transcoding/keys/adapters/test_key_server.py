import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus
from xml.etree import ElementTree as ET

import pytest
from aiohttp import web
from pydantic import SecretStr

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.errors import DeadlineExceeded
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.resilience.breaker import CircuitOpen
from vitascope.foundation.secrets import Secrets
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.keys.adapters.cpix import CPIX, PSKC
from vitascope.transcoding.keys.adapters.key_server import KeyServer, ServerAddress
from vitascope.transcoding.keys.adapters.wrapping import ContentKeyWrap
from vitascope.transcoding.keys.contracts import KeyServerDown, KeyServerRefused
from vitascope.transcoding.keys.service.keys import KeyService
from vitascope.transcoding.pipeline.protection import ProtectionProfile, TrackKey

AUTHORIZATION = "Bearer canary-of-the-key-server"
LABELS = ("AUDIO", "SD")


@dataclass
class Vendor:
    """A little key server: it fills the keys into what it is asked, unless it is told to say otherwise."""

    statuses: list[int] = field(default_factory=list)
    hangs: bool = False
    large: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)
    port: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        """Answer as told."""
        self.asked.append({name.lower(): said for name, said in request.headers.items()})
        if self.hangs:
            await asyncio.Event().wait()
        if self.large:
            return web.Response(body=b" " * (2 << 20))
        if self.statuses:
            return web.Response(status=self.statuses.pop(0), headers={"location": "http://127.0.0.1:1/"})
        root = ET.fromstring(await request.read())  # noqa: S314 - our own request
        for number, one in enumerate(root.iter(f"{{{CPIX}}}ContentKey")):
            secret = ET.SubElement(ET.SubElement(one, f"{{{CPIX}}}Data"), f"{{{PSKC}}}Secret")
            value = ET.SubElement(secret, f"{{{PSKC}}}PlainValue")
            value.text = b64encode(bytes([number + 1]) * 16).decode()
        return web.Response(body=ET.tostring(root), content_type="application/xml")


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    """The server, on a free port."""
    made = Vendor()
    app = web.Application()
    app.router.add_post("/speke", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


def server(port: int, *, seconds: float = 30) -> KeyServer:
    """A client of the server."""
    address = ServerAddress(
        url=f"http://127.0.0.1:{port}/speke", authorization=SecretStr(AUTHORIZATION), seconds=seconds
    )
    return KeyServer(address, clock=SystemClock())


async def ask(client: KeyServer) -> list[TrackKey]:
    """The keys of a set."""
    ctx = Context(tenant=RandomIds().new(TenantId))
    return list(await client.keys(ctx, name="job_1", profile=ProtectionProfile(), labels=LABELS))


class TestKeys:
    async def test_are_the_servers(self, vendor: Vendor) -> None:
        """The keys are those that the server made, asked with its authorization and its version."""
        found = await ask(server(vendor.port))

        assert [(one.label, one.key) for one in found] == [("AUDIO", "01" * 16), ("SD", "02" * 16)]
        assert vendor.asked[0]["authorization"] == AUTHORIZATION
        assert vendor.asked[0]["x-speke-version"] == "2.0"

    async def test_stumbling_is_borne(self, vendor: Vendor) -> None:
        """A server that is busy for a moment is asked again, and the same keys are asked for."""
        vendor.statuses = [HTTPStatus.SERVICE_UNAVAILABLE]

        found = await ask(server(vendor.port))

        assert (len(found), len(vendor.asked)) == (2, 2)

    @pytest.mark.parametrize("status", [HTTPStatus.FORBIDDEN, HTTPStatus.FOUND, HTTPStatus.NO_CONTENT])
    async def test_refusals_are_told(self, vendor: Vendor, status: HTTPStatus) -> None:
        """A server that says no is not asked again, and is never followed elsewhere."""
        vendor.statuses = [status]

        with pytest.raises(KeyServerRefused, match=str(int(status))):
            await ask(server(vendor.port))

        assert len(vendor.asked) == 1

    async def test_takes_no_endless_answer(self, vendor: Vendor) -> None:
        """An answer larger than any keys are is not read to its end."""
        vendor.large = True

        with pytest.raises(KeyServerRefused, match="more than is sensible"):
            await ask(server(vendor.port))

    async def test_waits_no_longer_than_allowed(self, vendor: Vendor) -> None:
        """A server that says nothing is given up in time."""
        vendor.hangs = True

        with pytest.raises(DeadlineExceeded):
            await ask(server(vendor.port, seconds=0.2))

    async def test_is_left_alone_while_it_is_down(self) -> None:
        """A server that nobody finds is not asked for ever, and what is said of it tells no secret."""
        client, said = server(1), list[str]()

        for _ in range(20):
            with pytest.raises((KeyServerDown, CircuitOpen)) as down:
                await ask(client)
            said.append(str(down.value))

        assert "left alone" in said[-1]
        assert AUTHORIZATION not in "".join(said)


class TestKept:
    async def test_keys_of_a_server_are_asked_once(
        self, platform: PlatformUnderTest, ctx: Context, vendor: Vendor
    ) -> None:
        """The server's keys are kept, so that a retry needs no server."""
        service = KeyService(
            db=platform.db,
            clock=SystemClock(),
            wrap=ContentKeyWrap(secrets=Secrets(b"x" * 32)),
            source=server(vendor.port),
        )
        first = await _ask_service(service, ctx)
        vendor.statuses = [HTTPStatus.FORBIDDEN]

        again = await _ask_service(service, ctx)

        assert again == first
        assert len(vendor.asked) == 1


async def _ask_service(service: KeyService, ctx: Context) -> object:
    return await service.for_set(ctx.as_platform(), name="job_1", profile=ProtectionProfile(), labels=LABELS)
