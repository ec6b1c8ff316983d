"""Problem documents, as tests ask about them."""

from http import HTTPStatus

import httpx

from vitascope.foundation.http.problems import MEDIA_TYPE


def is_problem(answer: httpx.Response, status: HTTPStatus, *, field: str | None = None) -> bool:
    """Whether the answer is a problem document of this status, about this field or none."""
    is_document = answer.headers["content-type"] == MEDIA_TYPE
    return is_document and answer.status_code == status and answer.json().get("field") == field
