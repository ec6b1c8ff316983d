"""The platform in front of a browser, with one film in the clear and protected in each scheme."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import Receive, Scope, Send
from tests.integration.transcoding.pipeline.corpus import TOOLS
from tests.integration.video.conftest import Studio

from vitascope.foundation.context import Context
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.keys.contracts import Keys
from vitascope.transcoding.pipeline.encoded import Encoded
from vitascope.transcoding.pipeline.protection import Protection, ProtectionProfile, Scheme, classes_of
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench
from vitascope.video.catalog.contracts import Title
from vitascope.video.streaming.contracts import Playback
from vitascope.video.streaming.service.playback import StreamingService

DASHJS = Path(__file__).resolve().parents[3] / "node_modules/dashjs/dist/modern/umd/dash.all.min.js"
_DASHJS_PAGE = """<!doctype html><video muted></video>
<script src="/dashjs.js"></script><script src="/play.js"></script>"""
_PLAY = """
const { manifest, licence } = Object.fromEntries(new URLSearchParams(location.search));
const player = dashjs.MediaPlayer().create();
player.initialize(document.querySelector("video"), null, true);
player.setProtectionData({ "org.w3.clearkey": { serverURL: licence } });
player.attachSource(manifest);
"""


@dataclass
class Cinema:
    """The platform's own pages, licence server and media, and a page for dash.js."""

    platform: PlatformUnderTest
    studio: Studio
    ctx: Context
    encoded: Encoded
    address: str = ""

    async def show(self, scheme: Scheme | None) -> Title:
        """A published title that plays the film, protected in this scheme."""
        title = await self.studio.film(self.ctx, title="The Kiss")
        protection = await self._keys(title, scheme) if scheme else None
        packaged, _ = await asyncio.to_thread(
            Pipeline(Workbench(tools=TOOLS)).package,
            self.encoded,
            work=self.encoded.folder.parent,
            protection=protection,
        )
        for file in sorted(packaged.folder.rglob("*")):
            if file.is_file():
                name = file.relative_to(packaged.folder)
                await self.studio.objects.put(ObjectKey(f"{title.output}{name}"), file)
        return title

    async def _keys(self, title: Title, scheme: Scheme) -> Protection:
        keys = self.platform.container.get(Keys)  # type: ignore[type-abstract]  # a port is asked for by its Protocol
        labels = classes_of(self.encoded.plan.rungs, sound=True)
        return await keys.for_set(
            self.ctx.as_platform(),
            name=str(title.job),
            profile=ProtectionProfile(scheme=scheme),
            labels=labels,
        )

    async def play(self, title: Title) -> Playback:
        """A playback of a visitor's."""
        visitor = Context(tenant=self.ctx.tenant)
        return await self.platform.container.get(StreamingService).open(visitor, title=title.id)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Cinema"]:
        """Serve on a free port of this machine."""
        config = uvicorn.Config(
            self._app,
            interface="asgi3",
            port=0,
            log_level="error",
            timeout_graceful_shutdown=1,
            lifespan="off",
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn tells it by this attribute only
            await asyncio.sleep(0.01)
        self.address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.should_exit = True
            await serving

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _OWN.get(scope.get("path", ""))
        await (answer() if answer else self.platform.app)(scope, receive, send)


_OWN: Mapping[str, Callable[[], Response]] = {
    "/dashjs": lambda: HTMLResponse(_DASHJS_PAGE),
    "/dashjs.js": lambda: FileResponse(DASHJS),
    "/play.js": lambda: Response(_PLAY, media_type="text/javascript"),
}
"""A page for dash.js, which the platform does not use: beside it, so that both have one origin."""
