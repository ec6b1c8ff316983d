"""One master key, and a separate key derived from it for each purpose."""

import os
import tempfile
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_BYTES = 32


class Secrets:
    """Keys for signing and wrapping; the master key itself is given to nobody."""

    def __init__(self, master: bytes) -> None:
        if len(master) < _BYTES:
            raise ValueError(f"a master key has at least {_BYTES} bytes")
        self._master = master

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """The key kept in the folder's `master.key`, made when it is first asked for (mode 0600)."""
        path = folder / "master.key"
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(prefix=".master.", dir=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(_BYTES))
        try:
            # a link fails where the name is taken: of two processes that start at once, one key wins
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            Path(draft).unlink()
        return cls(path.read_bytes())

    def derive(self, purpose: str, *, length: int = _BYTES) -> bytes:
        """A key for one purpose, always the same (HKDF, RFC 5869)."""
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose.encode()).derive(self._master)

    def __repr__(self) -> str:
        return "Secrets(…)"
