"""Viewing over HTTP: heartbeats in, counts out."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from time import monotonic

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from vitascope.foundation.errors import TooLarge
from vitascope.foundation.http.auth import Visitor
from vitascope.foundation.wiring import Container, Provided
from vitascope.video.catalog.contracts import TitleId
from vitascope.video.viewing.contracts import ViewCount
from vitascope.video.viewing.service.beacons import MAX_BODY_BYTES, BeaconService
from vitascope.video.viewing.service.counting import ViewService
from vitascope.video.viewing.service.live import LiveViews

router = APIRouter(prefix="/titles", tags=["viewing"])

# A stream ends now and then: whoever follows asks anew, and a title that was hidden meanwhile is not there.
_LIFETIME_SECONDS = 300.0
_QUIET_TICKS = 15  # after so many seconds without a change a comment keeps the connection open


class ViewCountView(BaseModel):
    """How often a title was started, and how many watch it now."""

    model_config = ConfigDict(frozen=True)

    views: int = Field(description="Playbacks that have begun; a playback counts once.")
    watching: int = Field(
        description="Playbacks that reported within the last 30 seconds and have not ended."
    )


@router.get("/{title}/views")
async def count(title: TitleId, ctx: Visitor, views: Provided[ViewService]) -> ViewCountView:
    """The count of a title."""
    found = await views.count_of(ctx, title=title)
    return ViewCountView(views=found.views, watching=found.watching)


@router.get(
    "/{title}/views/live",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "An event `views` for each change."}
    },
)
async def follow(
    title: TitleId, ctx: Visitor, views: Provided[ViewService], live: Provided[LiveViews]
) -> StreamingResponse:
    """The count of a title as it changes: server-sent events named `views`."""
    await views.require_visible(ctx, title=title)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_events(live, title), media_type="text/event-stream", headers=headers)


async def _events(live: LiveViews, title: TitleId) -> AsyncIterator[bytes]:
    quiet, ends_at = 0, monotonic() + _LIFETIME_SECONDS
    async for found in live.watch(title):
        if found is not None:
            quiet = 0
            yield _event(found)
        elif (quiet := quiet + 1) % _QUIET_TICKS == 0:
            yield b":\n\n"
        if monotonic() > ends_at:
            return


def _event(found: ViewCount) -> bytes:
    return b"event: views\ndata: " + msgspec.json.encode(found) + b"\n\n"


def beacon_routes(container: Container) -> list[BaseRoute]:
    """The address that players report to; plain Starlette and msgspec, for there are many of them."""
    beacons = container.get(BeaconService)

    async def take(request: Request) -> Response:
        trace = request.scope.get("vitascope.traceparent")
        await beacons.take(token=request.path_params["token"], body=await _body(request), trace=trace)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return [Route("/beacons/{token}", take, methods=["POST"])]


async def _body(request: Request) -> bytes:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"A beacon has at most {MAX_BODY_BYTES} bytes; send fewer events.", field="body")
    return body
