"""The roles' passwords: made once, kept in a file that only its owner reads."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from vitascope.foundation.db.server.endpoint import Role
from vitascope.foundation.db.server.errors import FolderUnusable


def read_or_make(path: Path, *, may_make: bool) -> Mapping[Role, str]:
    """The passwords in this file; made when there are none yet and `may_make`.

    Raises FolderUnusable when they are lost: the cluster knows only their hashes.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        if may_make:
            return _make(path)
    except (PermissionError, ValueError, KeyError) as error:
        raise FolderUnusable(f"{path} cannot be read as the passwords of this database: {error}") from error
    raise FolderUnusable(
        f"{path} is missing, and with it the passwords of the database beside it; restore it."
    )


def _read(path: Path) -> Mapping[Role, str]:
    kept = json.loads(path.read_text())
    return {role: str(kept[role.value]) for role in Role}


def _make(path: Path) -> Mapping[Role, str]:
    made = {role: secrets.token_urlsafe(24) for role in Role}
    partial = path.with_suffix(".new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({role.value: password for role, password in made.items()}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    return made
