"""Streaming over HTTP: opening a playback, and its files on the platform's own port."""

import os
from collections.abc import AsyncIterator
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import BaseRoute, Route

from vitascope.foundation.errors import TooLarge
from vitascope.foundation.http import zerocopy
from vitascope.foundation.http.auth import Visitor
from vitascope.foundation.storage.objects import ObjectMissing, Objects
from vitascope.foundation.wiring import Container, Provided
from vitascope.video.catalog.contracts import TitleId
from vitascope.video.streaming.contracts import Playback, PlaybackId
from vitascope.video.streaming.service.delivery.answers import (
    CORS,
    PREFLIGHT,
    Answer,
    Conditions,
    File,
    NoSuchFile,
    answer,
)
from vitascope.video.streaming.service.delivery.library import Library, open_file
from vitascope.video.streaming.service.licences import MAX_REQUEST_BYTES, LicenceService
from vitascope.video.streaming.service.playback import LICENCES, MEDIA, StreamingService

router = APIRouter(prefix="/titles", tags=["streaming"])


class PlaybackView(BaseModel):
    """A playback: addresses that work without any header until `expires_at`."""

    model_config = ConfigDict(frozen=True)

    id: PlaybackId
    title: TitleId
    hls: str
    dash: str
    poster: str
    thumbnails: str
    chapters: str
    beacon: str
    licence: str
    expires_at: datetime

    @classmethod
    def of(cls, playback: Playback) -> Self:
        """What a player gets."""
        return cls(**{name: getattr(playback, name) for name in cls.model_fields})


@router.post("/{title}/playback", status_code=HTTPStatus.CREATED)
async def play(title: TitleId, ctx: Visitor, streaming: Provided[StreamingService]) -> PlaybackView:
    """Ask to play a title. The answer's addresses are paths of this origin unless media has its own."""
    return PlaybackView.of(await streaming.open(ctx, title=title))


def hot_routes(container: Container) -> list[BaseRoute]:
    """What is asked for with a token in the path."""
    return [*media_routes(container), *licence_routes(container)]


def media_routes(container: Container) -> list[BaseRoute]:
    """The files of playbacks."""
    files = MediaFiles(library=container.get(Library), objects=container.get(Objects))  # type: ignore[type-abstract]  # a port is asked for by its Protocol
    return [Route(MEDIA + "/{token}/{path:path}", files.respond, methods=["GET", "HEAD", "OPTIONS"])]


def licence_routes(container: Container) -> list[BaseRoute]:
    """The address that players ask for keys."""
    licences = container.get(LicenceService)

    async def give(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=dict(_LICENCE_PREFLIGHT))
        licence = await licences.give(token=request.path_params["token"], asked=await _body(request))
        return Response(licence, media_type="application/json", headers=dict(_LICENCE_HEADERS))

    return [Route(LICENCES + "/{token}", give, methods=["POST", "OPTIONS"])]


async def _body(request: Request) -> bytes:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_REQUEST_BYTES:
            raise TooLarge(f"A licence request has at most {MAX_REQUEST_BYTES} bytes.", field="body")
    return body


_LICENCE_HEADERS = {**CORS, "cache-control": "no-store"}
_LICENCE_PREFLIGHT = {
    **CORS,
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "content-type",
    "access-control-max-age": "86400",
}


class MediaFiles:
    """Sends files of playbacks on the platform's own port: by the kernel where they lie on this machine."""

    def __init__(self, *, library: Library, objects: Objects) -> None:
        self._library, self._objects = library, objects

    async def respond(self, request: Request) -> Response:
        """Answer for one file."""
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=dict(PREFLIGHT))
        key = self._library.key(request.path_params["token"], request.path_params["path"])
        local = self._library.local(key)
        if local is not None and zerocopy.is_offered(request.scope):
            return _send_local(request, local)
        try:
            stored = await self._objects.head(key)
        except ObjectMissing as failure:
            raise NoSuchFile from failure
        file = File(name=key.rpartition("/")[2], size=stored.size, modified=stored.modified.timestamp())
        is_get = request.method == "GET"
        made = answer(file, _conditions(request) if is_get else Conditions())
        if not is_get or made.length == 0:
            return Response(status_code=made.status, headers=dict(made.headers))
        return StreamingResponse(self._bytes(key, made), status_code=made.status, headers=dict(made.headers))

    def _bytes(self, key: Any, made: Answer) -> AsyncIterator[bytes]:
        return self._objects.stream(key, start=made.start, end=made.start + made.length)


def _send_local(request: Request, path: Path) -> Response:
    """The kernel sends the file itself."""
    descriptor, file = open_file(path)
    try:
        is_get = request.method == "GET"
        made = answer(file, _conditions(request) if is_get else Conditions())
        if is_get and made.length:
            kept = os.dup(descriptor)
            return zerocopy.FileResponse(
                kept, offset=made.start, count=made.length, status_code=made.status, headers=made.headers
            )
        return Response(status_code=made.status, headers=dict(made.headers))
    finally:
        os.close(descriptor)


def _conditions(request: Request) -> Conditions:
    return Conditions(
        range=request.headers.get("range"),
        if_range=request.headers.get("if-range"),
        if_none_match=request.headers.get("if-none-match"),
    )
