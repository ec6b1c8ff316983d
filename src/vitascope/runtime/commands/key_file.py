"""Content keys in a file of one's own, for sets that are made without a server."""

import os
import stat
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from vitascope.foundation.errors import Conflict, Invalid
from vitascope.transcoding.pipeline.protection import (
    Protection,
    ProtectionProfile,
    Protector,
    Scheme,
    TrackKey,
    new_protection,
)

_MOST_BYTES = 1 << 20
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeyFileOpen(Conflict):
    """The key file can be read by others on this machine; take that right away (chmod 600)."""


class KeptKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands in the file."""

    scheme: Scheme
    keys: tuple[TrackKey, ...]


class KeyFile:
    """A file of keys, made when it is first needed, for its owner alone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def protector(self, profile: ProtectionProfile) -> Protector:
        """Gives the keys of the file to a set that is protected in this way."""
        return partial(self.obtain, profile)

    def read(self) -> Protection:
        """The keys in the file; raises Invalid and KeyFileOpen."""
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & _OTHERS:
                    raise KeyFileOpen(field="keys")
                kept = msgspec.json.decode(file.read(_MOST_BYTES), type=KeptKeys)
        except OSError as problem:
            raise Invalid(f"The key file cannot be read: {problem.strerror}.", field="keys") from None
        except msgspec.DecodeError as problem:
            raise Invalid(f"This is no key file: {problem}.", field="keys") from None
        return Protection(profile=ProtectionProfile(scheme=kept.scheme), keys=kept.keys)

    def obtain(self, profile: ProtectionProfile, labels: Sequence[str]) -> Protection:
        """The keys for these classes: those in the file, or new ones, which are then in it."""
        if not self._path.exists():
            made = new_protection(profile, labels)
            self._write(KeptKeys(scheme=profile.scheme, keys=made.keys))
            return made
        kept = self.read()
        if kept.profile.scheme is not profile.scheme:
            raise Invalid(f"The keys in the file are for {kept.profile.scheme}.", field="keys")
        return Protection(profile=profile, keys=tuple(map(kept.key_of, labels)))

    def _write(self, kept: KeptKeys) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            descriptor = os.open(self._path, flags, 0o600)
        except OSError as problem:
            raise Invalid(f"The key file cannot be made: {problem.strerror}.", field="keys") from None
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(kept)) + b"\n")
