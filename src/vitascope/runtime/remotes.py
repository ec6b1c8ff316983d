"""The services that run in other processes: their contracts here, and ours for others."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute

from vitascope.foundation.clock import Clock
from vitascope.foundation.module import Module
from vitascope.foundation.rpc.envelope import Seal
from vitascope.foundation.rpc.methods import asks_nobody
from vitascope.foundation.rpc.server import RpcServer
from vitascope.foundation.secrets import Secrets
from vitascope.foundation.wiring import Container

if TYPE_CHECKING:
    from vitascope.foundation.rpc.client import Remote


class Remotes:
    """The other processes, by the names of the services that they host."""

    def __init__(self, urls: Mapping[str, str], *, container: Container) -> None:
        self.by_service = {name: _remote(url, container) for name, url in urls.items()}

    async def close(self) -> None:
        """Close all connections."""
        for one in self.by_service.values():
            await one.close()


def provide_remote(container: Container, module: Module, remote: "Remote") -> None:
    """Give the service's contracts to whoever asks for them here, as calls of the other process.

    A contract that asks nobody is computed here: its answer lies in keys and settings.
    """
    for contract, implementation in module.provides.items():
        if asks_nobody(contract):
            container.provide(contract, implementation)
        else:
            container.provide(contract, partial(remote.client, contract))


def call_routes(container: Container, modules: tuple[Module, ...]) -> list[BaseRoute]:
    """The routes on which other processes call the contracts of these services."""
    contracts = [one for module in modules for one in module.provides if not asks_nobody(one)]
    return list(RpcServer(contracts=contracts, container=container, seal=_seal(container)).routes())


def _remote(url: str, container: Container) -> "Remote":
    from vitascope.foundation.rpc.client import Remote  # noqa: PLC0415 - aiohttp: 0.25 s and 11 MB that few need

    clock = container.get(Clock)  # type: ignore[type-abstract]  # a port is asked for by its Protocol
    return Remote(url=url, seal=_seal(container), clock=clock)


def _seal(container: Container) -> Seal:
    clock = container.get(Clock)  # type: ignore[type-abstract]  # a port is asked for by its Protocol
    return Seal(key=container.get(Secrets).derive("rpc"), clock=clock)
