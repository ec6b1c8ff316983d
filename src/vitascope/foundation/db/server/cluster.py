"""The files of one PostgreSQL cluster: made whole or not at all, configured for a small machine."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vitascope.foundation.db.server.account import Account
from vitascope.foundation.db.server.binaries import Binaries
from vitascope.foundation.db.server.errors import DatabaseNotStarted

PORT = 5432
_BUILTIN_LOCALE = 17
_IO_WORKERS = 18

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "max_connections": "60",
    # A small machine that also transcodes: little memory held, no parallel surprises.
    "shared_buffers": "64MB",
    "huge_pages": "off",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "512MB",
    "jit": "off",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "max_parallel_workers_per_gather": "1",
    "random_page_cost": "1.1",
    "wal_compression": "on",
    "min_wal_size": "80MB",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "10min",
    "max_wal_senders": "2",  # pg_basebackup takes two
    "autovacuum_max_workers": "2",
    "autovacuum_naptime": "30s",
    # A query whose client was killed ends by itself.
    "client_connection_check_interval": "2s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
}


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """One data directory, and the programs and account that serve it."""

    folder: Path
    binaries: Binaries
    account: Account

    def exists(self) -> bool:
        """Tell whether it was made."""
        return major_of(self.folder) is not None

    def create(self, *, password: str, durable: bool) -> None:
        """Make it beside its place and move it there: a killed initdb leaves nothing that looks usable."""
        partial = self.folder.with_name(".partial-cluster")
        if partial.exists():
            shutil.rmtree(partial)
        self.account.make_folder(partial)
        secret = partial.with_name(".initial-password")
        secret.touch(mode=0o600)
        secret.write_text(password)
        self.account.own(secret)
        try:
            self._initdb(partial, secret=secret, durable=durable)
        finally:
            secret.unlink()
        with (partial / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude 'vitascope.conf'\n")
        partial.rename(self.folder)

    def configure(self, *, sockets: Path, extra: Mapping[str, str]) -> None:
        """Write our settings; an operator's own (ALTER SYSTEM) still come after them."""
        newer = {"io_method": "sync"} if self.binaries.major >= _IO_WORKERS else {}
        settings = {**SETTINGS, **newer, "unix_socket_directories": str(sockets), **extra}
        conf = self.folder / "vitascope.conf"
        conf.write_text(
            "# written at each start; your own settings belong in ALTER SYSTEM\n"
            + "".join(f"{name} = {_quoted(value)}\n" for name, value in settings.items())
        )
        self.account.own(conf)

    def _initdb(self, folder: Path, *, secret: Path, durable: bool) -> None:
        modern = self.binaries.major >= _BUILTIN_LOCALE
        # Byte order and UTF-8 letters, whatever locales the machine has: an index outlives its C library.
        locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        done = self.account.run(
            [
                self.binaries.program("initdb"),
                f"--pgdata={folder}",
                f"--pwfile={secret}",
                "--username=postgres",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--data-checksums",
                "--no-instructions",
                *(locale if modern else ("--locale=C", "--lc-ctype=C.UTF-8")),
                *(() if durable else ("--no-sync",)),
            ],
            cwd=folder,
        )
        if done.returncode:
            raise DatabaseNotStarted(f"initdb failed:\n{done.stdout[-2000:]}")


def major_of(folder: Path) -> int | None:
    """The major version that wrote this cluster; None when there is none."""
    try:
        return int((folder / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def _quoted(value: str) -> str:
    return "'{}'".format(value.replace("\\", "\\\\").replace("'", "''"))
