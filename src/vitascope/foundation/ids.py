"""Typed, prefixed, time-ordered ids.

The text form follows the TypeID specification 0.3: a prefix, an underscore and the 128 bits of a
UUIDv7 (RFC 9562) in 26 characters of Crockford's base 32. Tables keep the bare UUID.
"""

import os
import re
import threading
import time
from base64 import b32encode
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, Self, TypeVar
from uuid import UUID

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

_LENGTH = 26
_FORM = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}")  # 26 characters hold 130 bits, so the first is at most 7
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
# the standard library counts in other alphabets; translating is faster than counting here
_FROM_RFC4648 = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _CROCKFORD)
_TO_PYTHON = str.maketrans(_CROCKFORD, "0123456789abcdefghijklmnopqrstuv")


class Id(str):
    """Base of all ids; a subclass names its prefix, as in `class TitleId(Id, prefix="ttl")`."""

    __slots__ = ()
    prefix: ClassVar[str] = ""

    def __init_subclass__(cls, *, prefix: str) -> None:
        """Give the subclass its prefix."""
        cls.prefix = prefix

    def __new__(cls, text: str) -> Self:
        """Check the text form; raises ValueError if it is not an id of this kind."""
        head, _, tail = text.rpartition("_")
        if head != cls.prefix or not _FORM.fullmatch(tail):
            raise ValueError(f"not an id of the form {cls.prefix}_…: {text[:60]!r}")
        return super().__new__(cls, text)

    @classmethod
    def of(cls, value: UUID) -> Self:
        """The id with these 128 bits."""
        whole = (value.int << 30).to_bytes(20, "big")  # the 130 bits, and 30 that are cut off again
        tail = b32encode(whole)[:_LENGTH].decode().translate(_FROM_RFC4648)
        return str.__new__(cls, f"{cls.prefix}_{tail}")

    @property
    def uuid(self) -> UUID:
        """The 128 bits, as a database keeps them."""
        return UUID(int=int(self[-_LENGTH:].translate(_TO_PYTHON), 32))

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Ids are strings in JSON, checked on the way in."""
        return core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(), serialization=core_schema.to_string_ser_schema()
        )


I = TypeVar("I", bound=Id)  # noqa: E741 - one letter, as type variables are named here


class Ids(Protocol):
    """Where a rule gets new ids from."""

    def new(self, kind: type[I]) -> I:
        """A new id of this kind, later than all before it."""


class RandomIds:
    """UUIDv7 ids (RFC 9562, method 2 of section 6.2): ordered within the process, random across."""

    def __init__(self, milliseconds: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._milliseconds = milliseconds
        self._lock = threading.Lock()
        self._last = 0

    def new(self, kind: type[I]) -> I:
        """A new id of this kind, later than all before it."""
        return kind.of(self.uuid())

    def uuid(self) -> UUID:
        """The bare UUIDv7."""
        seed = int.from_bytes(os.urandom(10), "big")
        with self._lock:
            fresh = self._milliseconds() << 74 | seed >> 6
            self._last = max(fresh, self._last + 1 + (seed & 0xFFFF))
            bits = self._last
        stamp, high, low = bits >> 74, bits >> 62 & 0xFFF, bits & (1 << 62) - 1
        return UUID(int=stamp << 80 | 7 << 76 | high << 64 | 2 << 62 | low)
