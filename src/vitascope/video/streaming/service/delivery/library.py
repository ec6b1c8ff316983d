"""The files of playbacks, as delivery finds them: a token's folder, and a checked name in it."""

import os
import stat
from pathlib import Path

from vitascope.foundation.storage.keys import ObjectKey
from vitascope.foundation.storage.objects import Objects
from vitascope.video.streaming.service.delivery.answers import File, NoSuchFile, suffix_of
from vitascope.video.streaming.service.tokens import Tokens

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Library:
    """Opens files by token and path."""

    def __init__(self, *, tokens: Tokens, objects: Objects) -> None:
        self._tokens, self._objects = tokens, objects

    def key(self, token: str, path: str) -> ObjectKey:
        """The object that is asked for; raises TokenRefused, TokenExpired or NoSuchFile."""
        grant = self._tokens.grant(token)
        suffix_of(path)
        return grant.prefix.key(path)

    def local(self, key: ObjectKey) -> Path | None:
        """Its file on this machine, None if the objects are kept elsewhere."""
        return self._objects.local_path(key)

    def open(self, token: str, path: str) -> tuple[int, File]:
        """A descriptor, which the caller closes, and what an answer needs to know of the file.

        Raises TokenRefused, TokenExpired or NoSuchFile.
        """
        local = self.local(self.key(token, path))
        if local is None:
            raise NoSuchFile
        return open_file(local)


def open_file(path: Path) -> tuple[int, File]:
    """A descriptor and a description of a regular file; raises NoSuchFile."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as failure:
        raise NoSuchFile from failure
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise NoSuchFile
    return descriptor, File(name=path.name, size=found.st_size, modified=found.st_mtime)
