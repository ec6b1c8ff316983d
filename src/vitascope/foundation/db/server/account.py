"""Under whose name PostgreSQL runs: it refuses root, so root lends it an unprivileged account."""

import os
import pwd
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vitascope.foundation.db.server.errors import FolderUnreachable, FolderUnusable

_UNPRIVILEGED = ("postgres", "nobody")
PROGRAM_SECONDS = 330


@dataclass(frozen=True, kw_only=True)
class Account:
    """The uid and gid that own the cluster; `borrowed` when this process is root."""

    uid: int
    gid: int
    borrowed: bool

    def run(self, command: Sequence[str], *, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a program under this account, without this process's groups, and give what it printed."""
        return subprocess.run(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=PROGRAM_SECONDS,
            check=False,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            user=self.uid if self.borrowed else None,
            group=self.gid if self.borrowed else None,
            extra_groups=[] if self.borrowed else None,
        )

    def make_folder(self, path: Path) -> None:
        """Make a folder that only this account (and root) may enter."""
        path.mkdir(mode=0o700, exist_ok=True)
        self.own(path)

    def own(self, path: Path) -> None:
        """Hand a file or folder to this account."""
        if self.borrowed:
            os.chown(path, self.uid, self.gid)

    def can_reach(self, path: Path) -> bool:
        """Tell whether this account may enter every folder down to `path`."""
        return self._closed_parent(path) is None

    def require_reach(self, path: Path) -> None:
        """Raise FolderUnreachable, naming the closed folder, unless this account can enter `path`."""
        if closed := self._closed_parent(path):
            raise FolderUnreachable(
                f"PostgreSQL refuses to run as root, so it runs as `{_name(self.uid)}`, which may "
                f"not enter {closed} on the way to {path}. Choose a data folder outside it, for example "
                f"/var/lib/vitascope, or run as an ordinary user, or name a database server of your own."
            )

    def _closed_parent(self, path: Path) -> Path | None:
        if not self.borrowed:
            return None
        path = path.resolve()
        return next((each for each in (*reversed(path.parents), path) if not self._enters(each)), None)

    def _enters(self, folder: Path) -> bool:
        there = folder.stat()
        if there.st_uid == self.uid:
            return bool(there.st_mode & stat.S_IXUSR)
        if there.st_gid == self.gid:
            return bool(there.st_mode & stat.S_IXGRP)
        return bool(there.st_mode & stat.S_IXOTH)


def account_for(cluster: Path) -> Account:
    """The account that owns the cluster, or that shall own it when it is made.

    Raises FolderUnusable when it belongs to somebody else.
    """
    mine, owner = os.geteuid(), _owner(cluster)
    if mine == 0:
        return _borrowed(cluster) if owner else _unprivileged()
    if owner not in (None, mine):
        raise FolderUnusable(
            f"{cluster} belongs to `{_name(owner or 0)}`, not to `{_name(mine)}`; "
            "start as the same user as before (root, if root made it), or choose another data folder."
        )
    return Account(uid=mine, gid=os.getegid(), borrowed=False)


def _borrowed(cluster: Path) -> Account:
    there = cluster.stat()
    return Account(uid=there.st_uid, gid=there.st_gid, borrowed=True)


def _unprivileged() -> Account:
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid, borrowed=True)
    raise FolderUnusable(
        "PostgreSQL refuses to run as root, and this machine has no account named "
        f"{' or '.join(_UNPRIVILEGED)}."
    )


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except FileNotFoundError:
        return None
    except PermissionError:
        raise FolderUnusable(f"{path} may not be entered by `{_name(os.geteuid())}`.") from None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
