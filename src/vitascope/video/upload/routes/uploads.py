"""Sending by tus, showing as JSON."""

from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from vitascope.foundation.context import Context
from vitascope.foundation.errors import VitascopeError
from vitascope.foundation.http.auth import SignedIn
from vitascope.foundation.http.pagination import Page, PagingQuery
from vitascope.foundation.http.problems import response_of
from vitascope.foundation.wiring import Provided
from vitascope.video.upload.contracts import Upload, UploadId, UploadState
from vitascope.video.upload.routes import headers as tus
from vitascope.video.upload.service.checksum import ALGORITHMS
from vitascope.video.upload.service.intake import Body, BrokenOff
from vitascope.video.upload.service.receiving import Receiver
from vitascope.video.upload.service.settings import UploadSettings
from vitascope.video.upload.service.uploads import UploadService

_RESUMABLE = {"Tus-Resumable": tus.VERSION}
_ORDER = "uploads"


class TusRoute(APIRoute):
    """A route whose every answer, problems included, says which protocol is spoken."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with the protocol's headers on what it answers and raises."""
        handle = super().get_route_handler()

        async def speak(request: Request) -> Response:
            try:
                response = await handle(request)
            except VitascopeError as error:
                response = response_of(error, headers={"Tus-Version": tus.VERSION})
            response.headers.update({**_RESUMABLE, "Cache-Control": "no-store"})
            return response

        return speak


router = APIRouter(prefix="/uploads", tags=["uploads"], route_class=TusRoute)


class UploadView(BaseModel):
    """One of your uploads."""

    model_config = ConfigDict(frozen=True)

    id: UploadId
    state: UploadState
    filename: str
    title: str | None
    publish: bool
    received: int
    length: int | None
    created_at: datetime
    expires_at: datetime | None
    completed_at: datetime | None

    @classmethod
    def of(cls, upload: Upload) -> "UploadView":
        """What its owner sees; one that is whole does not expire."""
        values = {name: getattr(upload, name) for name in cls.model_fields}
        return cls(**{**values, "expires_at": None if upload.completed_at else upload.expires_at})


@router.options("", status_code=204)
@router.options("/{upload}", status_code=204, include_in_schema=False)
async def discover(settings: Provided[UploadSettings]) -> Response:
    """What this server speaks and takes."""
    return Response(
        status_code=204,
        headers={
            "Tus-Version": tus.VERSION,
            "Tus-Extension": ",".join(tus.EXTENSIONS),
            "Tus-Max-Size": str(settings.max_bytes),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        },
    )


@router.post("", status_code=201)
async def create(
    request: Request, ctx: SignedIn, uploads: Provided[UploadService], receiver: Provided[Receiver]
) -> Response:
    """Open an upload, join the parts of a parallel one, and take the first bytes where they come along."""
    tus.require_version(request.headers)
    new = tus.new_upload(request.headers)
    parts = tus.parts_to_join(new.concat)
    if parts is not None:
        upload = await uploads.join(ctx, new=new, of=parts)
    else:
        brings = tus.has_bytes(request.headers)
        body = _body(request, length=None) if brings else None
        upload = await uploads.create(ctx, new=new)
        if body is not None and body.size != 0 and upload.length != 0:
            upload = await receiver.receive(ctx, upload=upload.id, offset=0, body=body)
    location = f"{request.url.path.rstrip('/')}/{upload.id}"
    return Response(status_code=201, headers={"Location": location, **tus.progress(upload)})


@router.head("/{upload}", status_code=200, response_class=Response)
async def offset(
    upload: UploadId, request: Request, ctx: SignedIn, uploads: Provided[UploadService]
) -> Response:
    """How much of the upload is safe, and where to go on."""
    tus.require_version(request.headers)
    return Response(status_code=200, headers=tus.describe(await uploads.open(ctx, upload=upload)))


@router.patch("/{upload}", status_code=204)
async def add(upload: UploadId, request: Request, ctx: SignedIn, receiver: Provided[Receiver]) -> Response:
    """Add bytes at the offset; those that arrive before the connection breaks count."""
    return await _add(upload, request, ctx, receiver)


@router.delete("/{upload}", status_code=204)
async def remove(
    upload: UploadId, request: Request, ctx: SignedIn, uploads: Provided[UploadService]
) -> Response:
    """Remove an upload, finished or not, with its bytes."""
    del request
    await uploads.remove(ctx, upload=upload)
    return Response(status_code=204)


@router.post("/{upload}", status_code=204)
async def override(
    *,
    upload: UploadId,
    request: Request,
    ctx: SignedIn,
    uploads: Provided[UploadService],
    receiver: Provided[Receiver],
) -> Response:
    """PATCH or DELETE for clients behind a proxy that lets neither through: `X-HTTP-Method-Override`."""
    method = request.headers.get("x-http-method-override", "").upper()
    if method == "PATCH":
        return await _add(upload, request, ctx, receiver)
    if method == "DELETE":
        return await remove(upload, request, ctx, uploads)
    raise tus.BadHeader("This is for PATCH and DELETE only.", field="X-HTTP-Method-Override")


async def _add(upload: UploadId, request: Request, ctx: Context, receiver: Receiver) -> Response:
    tus.require_version(request.headers)
    tus.require_content_type(request.headers)
    at = tus.required_number(request.headers, "Upload-Offset")
    body = _body(request, length=tus.number(request.headers, "Upload-Length"))
    added = await receiver.receive(ctx, upload=upload, offset=at, body=body)
    return Response(status_code=204, headers=tus.progress(added))


@router.get("")
async def list_own(ctx: SignedIn, paging: PagingQuery, uploads: Provided[UploadService]) -> Page[UploadView]:
    """Your uploads, newest first."""
    key = paging.after(tuple[UUID], order=_ORDER)
    after = None if key is None else UploadId.of(key[0])
    found = await uploads.own(ctx, after=after, limit=paging.limit + 1)
    return Page[UploadView].cut(
        found, limit=paging.limit, order=_ORDER, key=lambda one: (one.id.uuid,), item=UploadView.of
    )


@router.get("/{upload}")
async def show(upload: UploadId, ctx: SignedIn, uploads: Provided[UploadService]) -> UploadView:
    """One of your uploads."""
    return UploadView.of(await uploads.get(ctx, upload=upload))


def _body(request: Request, *, length: int | None) -> Body:
    return Body(
        chunks=_chunks(request),
        size=_size(request.headers),
        checksum=tus.checksum(request.headers),
        length=length,
    )


def _size(headers: Headers) -> int | None:
    return tus.number(headers, "Content-Length")


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """The body as it arrives; a connection that breaks is told as such."""
    try:
        async for chunk in request.stream():
            if chunk:
                yield chunk
    except ClientDisconnect as gone:
        raise BrokenOff from gone
