"""Style sheets, scripts, fonts, pictures of the pages themselves."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from vitascope.console.theatre.pages import STATIC, build

FOREVER = "public, max-age=31536000, immutable"
BRIEFLY = "public, max-age=60"

router = APIRouter()
_files = StaticFiles(directory=STATIC)


@router.api_route("/static/{version}/{path:path}", methods=["GET", "HEAD"])
async def file(request: Request, version: str, path: str) -> Response:
    """A file; browsers keep it for good under the address that names its build."""
    response = await _files.get_response(path, request.scope)
    response.headers["Cache-Control"] = FOREVER if version == build() else BRIEFLY
    return response
