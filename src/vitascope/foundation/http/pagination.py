"""Pages by cursor: the sort key of the last row, opaque to clients, checked when it comes back.

A repository asks for `limit + 1` rows after the key; `Page.cut` turns them into a page. A cursor
is no secret and gives no right: tenancy and permissions are checked as for any request.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Self, TypeVar

import msgspec
from fastapi import Depends, Query
from pydantic import BaseModel, Field

from vitascope.foundation.errors import Invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_CURSOR_CHARACTERS = 1024

T = TypeVar("T")
K = TypeVar("K")
R = TypeVar("R")


class BadCursor(Invalid):
    """This cursor is none of ours for this list; leave it out to start from the beginning."""


class Page(BaseModel, Generic[T]):
    """Some of the items, and where the next page starts."""

    items: list[T]
    next: str | None = Field(
        default=None, description="Pass it as `cursor` for the next page; null on the last."
    )

    @classmethod
    def cut(
        cls,
        rows: Sequence[R],
        *,
        limit: int,
        order: str,
        key: Callable[[R], tuple[Any, ...]],
        item: Callable[[R], T],
    ) -> Self:
        """A page of at most `limit` items, from up to `limit + 1` rows in the list's order."""
        shown = rows[:limit]
        more = len(rows) > limit
        return cls(
            items=[item(row) for row in shown],
            next=encode_cursor(key(shown[-1]), order=order) if more else None,
        )


class Paging:
    """What a client says about pages: `?limit=` and `?cursor=`."""

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items on a page.")] = DEFAULT_LIMIT,
        cursor: Annotated[
            str | None, Query(max_length=MAX_CURSOR_CHARACTERS, description="`next` of the page before.")
        ] = None,
    ) -> None:
        self.limit = limit
        self.cursor = cursor

    def after(self, key: type[K], *, order: str) -> K | None:
        """The sort key to go on after, typed as `tuple[datetime, UUID]`; None at the beginning."""
        return None if self.cursor is None else decode_cursor(self.cursor, key, order=order)


PagingQuery = Annotated[Paging, Depends()]


def encode_cursor(key: tuple[Any, ...], *, order: str) -> str:
    """The cursor of a sort key; `order` names the list and its order, and must not change its meaning."""
    return base64.urlsafe_b64encode(msgspec.json.encode((order, key))).rstrip(b"=").decode("ascii")


def decode_cursor(cursor: str, key: type[K], *, order: str) -> K:
    """The sort key in the cursor; raises BadCursor if it is not of this list, order and key type."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
        named, sort_key = msgspec.json.decode(raw, type=tuple[str, msgspec.Raw])
        if named != order:
            raise BadCursor(field="cursor")
        return _checked(msgspec.json.decode(sort_key, type=key))
    except (UnicodeError, binascii.Error, msgspec.DecodeError, OverflowError) as error:
        raise BadCursor(field="cursor") from error


def _checked(key: K) -> K:
    """The sort key, unless an instant in it is none in UTC, as `0001-01-01T00:00:00+23:59`."""
    for part in key if isinstance(key, tuple) else ():
        if isinstance(part, datetime):
            part.astimezone(UTC)
    return key
