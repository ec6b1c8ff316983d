"""Errors that a person or a program can act on.

    VitascopeError
    ├── Invalid               422  the request says something that cannot be
    ├── Unauthenticated       401  nobody is signed in
    ├── Forbidden             403  the one who is signed in may not
    ├── NotFound              404  there is no such thing, or not for this tenant
    ├── Conflict              409  the thing is not in a state that allows it
    ├── Gone                  410  it was there
    ├── PreconditionFailed    412  it changed meanwhile
    ├── TooLarge              413  more than is taken
    ├── TooManyRequests       429  slower, please
    ├── QuotaExceeded         507  the tenant's share is used up
    ├── Unavailable           503  something that is needed does not answer
    └── DeadlineExceeded      504  the time given has run out

An error's docstring is its default message; its `kind` is the stable name that machines match,
built from the class: `vitascope:watchlist-full`. The HTTP side turns it into RFC 9457.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar


class VitascopeError(Exception):
    """Something went wrong that the caller can do something about."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    kind: ClassVar[str] = "vitascope:error"
    registry: ClassVar[dict[str, type["VitascopeError"]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Name the kind after the class and make it known, so that a client can raise it again."""
        super().__init_subclass__(**kwargs)
        cls.kind = "vitascope:" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()
        VitascopeError.registry[cls.kind] = cls

    def __init__(
        self, detail: str | None = None, *, field: str | None = None, extra: Mapping[str, Any] | None = None
    ) -> None:
        self.detail = detail or " ".join((type(self).__doc__ or "").split())
        self.field = field
        self.extra = dict(extra or {})
        super().__init__(self.detail)

    @property
    def title(self) -> str:
        """The class's name in words."""
        return self.kind.removeprefix("vitascope:").replace("-", " ").capitalize()

    def problem(self) -> dict[str, Any]:
        """The RFC 9457 members of this error."""
        members = {"type": self.kind, "title": self.title, "status": int(self.status), "detail": self.detail}
        if self.field:
            members["field"] = self.field
        return {**self.extra, **members}


class Invalid(VitascopeError):
    """The request says something that cannot be."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class Unauthenticated(VitascopeError):
    """Sign in first."""

    status = HTTPStatus.UNAUTHORIZED


class Forbidden(VitascopeError):
    """The signed-in account may not do this."""

    status = HTTPStatus.FORBIDDEN


class NotFound(VitascopeError):
    """There is no such thing here."""

    status = HTTPStatus.NOT_FOUND


class Conflict(VitascopeError):
    """It is not in a state that allows this."""

    status = HTTPStatus.CONFLICT


class Gone(VitascopeError):
    """It was here and is no more."""

    status = HTTPStatus.GONE


class PreconditionFailed(VitascopeError):
    """It changed since you read it; read it again."""

    status = HTTPStatus.PRECONDITION_FAILED


class TooLarge(VitascopeError):
    """This is larger than what is taken here."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class TooManyRequests(VitascopeError):
    """Too many requests; wait before you try again."""

    status = HTTPStatus.TOO_MANY_REQUESTS


class QuotaExceeded(VitascopeError):
    """The tenant's quota is used up; delete something or raise it."""

    status = HTTPStatus.INSUFFICIENT_STORAGE


class Unavailable(VitascopeError):
    """A part that is needed does not answer; try again soon."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class DeadlineExceeded(VitascopeError):
    """The time given for this has run out."""

    status = HTTPStatus.GATEWAY_TIMEOUT
