"""Names of objects: `tenant/part/…/name`, checked once, where they are made."""

import re
from typing import Self

from vitascope.foundation.errors import Invalid

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=@+-]{0,199}", re.ASCII)
_MOST_BYTES = 900  # S3 takes 1024, with the bucket's own prefix


class ObjectKey(str):
    """The whole name of one object; its first part is the tenant.

    Every part is of A-Z a-z 0-9 . _ = @ + - and begins with a letter, a digit or an underscore, so that no
    key climbs out of its tenant, hides, or reads differently in a URL, a file system or S3. What people call
    a thing is kept in the database. Raises Invalid.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check the text."""
        _require_parts(text.split("/"), text=text)
        return super().__new__(cls, text)

    @classmethod
    def of(cls, tenant: str, *parts: str) -> Self:
        """The key of these parts; one part may hold several, joined by slashes."""
        return cls("/".join((tenant, *parts)))

    @property
    def tenant(self) -> str:
        """The first part."""
        return self.partition("/")[0]

    @property
    def suffix(self) -> str:
        """The name's ending, as `.mp4`; empty when it has none."""
        _, dot, ending = self.rpartition("/")[2].rpartition(".")
        return f"{dot}{ending}".lower() if dot else ""


class ObjectPrefix(str):
    """All objects below `tenant/…/`; it ends with a slash, so that `a/b/` never means `a/bc`.

    Raises Invalid.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check the text."""
        if not text.endswith("/"):
            raise _invalid(text)
        _require_parts([*text[:-1].split("/"), "any"], text=text)
        return super().__new__(cls, text)

    @classmethod
    def of(cls, tenant: str, *parts: str) -> Self:
        """The prefix of these parts."""
        return cls("/".join((tenant, *parts, "")))

    def key(self, *parts: str) -> ObjectKey:
        """The object of this name below the prefix."""
        return ObjectKey(self + "/".join(parts))


def _require_parts(parts: list[str], *, text: str) -> None:
    if len(parts) < 2 or len(text) > _MOST_BYTES or not all(map(_PART.fullmatch, parts)):
        raise _invalid(text)


def _invalid(text: str) -> Invalid:
    return Invalid(
        f"An object's name reads tenant/part/name, of letters, digits and . _ = @ + -, not {text[:80]!r}.",
        field="key",
    )
