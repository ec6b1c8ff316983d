"""The two kinds of process: `web` answers requests, `worker` does everything else."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import structlog
import uvicorn
import uvloop
from starlette.types import ASGIApp

from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.events.hints import Hints
from vitascope.foundation.events.relay import Relay
from vitascope.foundation.http.zerocopy import ZeroCopyProtocol
from vitascope.foundation.module import Module
from vitascope.foundation.telemetry.logs import configure_logging
from vitascope.foundation.wiring import Container
from vitascope.foundation.workflows.declaration import Durable
from vitascope.foundation.workflows.engine import Workflows
from vitascope.runtime.app import build_app
from vitascope.runtime.assembly import assemble, close, subscriptions
from vitascope.runtime.settings import Settings
from vitascope.runtime.share import Share

_log = structlog.get_logger(__name__)
_GRACE_SECONDS = 5


def run_web(settings: Settings, *, endpoint: Endpoint, share: Share, listening: socket.socket) -> None:
    """Serve HTTP on the socket until SIGTERM."""
    _settle(settings)
    uvloop.run(_web(settings, endpoint, share, listening))


def run_worker(settings: Settings, *, endpoint: Endpoint, share: Share, executor: str = "main") -> None:
    """Relay and hear events and do durable work until SIGTERM.

    `executor` is the worker's name: one that starts again under the name of a dead one goes on with
    its work at once.
    """
    _settle(settings)
    uvloop.run(_worker(settings, endpoint, share, executor))


def _settle(settings: Settings) -> None:
    configure_logging(settings.logging)
    gc.collect()
    gc.freeze()  # what is loaded stays: collections need not walk it


async def _web(settings: Settings, endpoint: Endpoint, share: Share, listening: socket.socket) -> None:
    container = assemble(settings, endpoint=endpoint, modules=share.modules)
    app = build_app(container, modules=share.hosted, answers_calls=share.answers_calls)
    beside = [container.get(kind).run() for module in share.hosted for kind in module.beside]
    async with _running(container, container.get(Hints).run(), *beside):
        await _server(app, settings).serve(sockets=[listening])


def _server(app: ASGIApp, settings: Settings) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=ZeroCopyProtocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # without a proxy that we know, whoever asks would choose the address that limits are counted by
            proxy_headers=bool(settings.http.trusted_proxies),
            forwarded_allow_ips=list(settings.http.trusted_proxies),
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )


async def _worker(settings: Settings, endpoint: Endpoint, share: Share, executor: str) -> None:
    container = assemble(settings, endpoint=endpoint, modules=share.modules, executor=executor)
    hints = container.get(Hints)
    relay = Relay(dsn=endpoint.dsn(Role.SYSTEM), hint=hints.on_outbox())
    consumers = [one.run() for one in subscriptions(container, share.hosted)]
    workflows = container.get(Workflows)
    workflows.register(_works(share.hosted), container, elsewhere=_works(share.modules))
    crews = [container.get(kind).run() for module in share.hosted for kind in module.crews]
    async with _running(container, hints.run(), relay.run(), *consumers, *crews):
        await workflows.launch()
        try:
            await _until_told_to_stop()
        finally:
            await workflows.shutdown()


def _works(modules: tuple[Module, ...]) -> list[Durable[Any]]:
    return [work for module in modules for work in module.jobs]


async def _until_told_to_stop() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def _end_with(task: asyncio.Task[None]) -> None:
    """Work that was to go on for ever has failed: end, and be started anew, rather than live on half."""
    if not task.cancelled() and (failure := task.exception()) is not None:
        _log.error("background work failed", exc_info=failure)
        os.kill(os.getpid(), signal.SIGTERM)


@contextlib.asynccontextmanager
async def _running(container: Container, *work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run the background work beside the body; at the end stop it and close what is open."""
    tasks = [asyncio.create_task(one) for one in work]
    for task in tasks:
        task.add_done_callback(_end_with)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await close(container)
