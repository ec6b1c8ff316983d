"""A private PostgreSQL for a test session, and databases in it that cost a few milliseconds each."""

import contextlib
import fcntl
import itertools
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from vitascope.foundation.db.bootstrap import bootstrap
from vitascope.foundation.db.server.binaries import Binaries
from vitascope.foundation.db.server.endpoint import DATABASE, Endpoint, Role
from vitascope.foundation.db.server.supervisor import Server

_PREFIX = "vitascope-test-"
_IN_USE = ".in-use"


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that root's PostgreSQL account may enter, which pytest's tmp_path is not.

    Folders and servers of test runs that were killed are removed first.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        _remove_if_abandoned(left)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    with (folder / "mark").open("w") as mark:
        fcntl.flock(mark, fcntl.LOCK_SH)
        (folder / "mark").rename(folder / _IN_USE)  # locked before anybody can find it
        folder.chmod(0o711)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_if_abandoned(folder: Path) -> None:
    """Remove it when the lock that its maker held is free: the kernel frees it with a killed process."""
    try:
        with (folder / _IN_USE).open() as mark:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _end_servers(folder)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return  # in use, another user's, gone meanwhile, or being made at this moment


def _end_servers(folder: Path) -> None:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(folder) and process.name().startswith("postgres"):
                process.send_signal(signal.SIGQUIT)


@contextmanager
def private_server(*, binaries: Binaries | None = None, durable: bool = False) -> Iterator[Server]:
    """A server of one's own, not yet started, to be killed and maltreated; stopped and deleted at the end."""
    with open_folder() as folder:
        server = Server(folder=folder / "postgresql", binaries=binaries, durable=durable)
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def databases() -> Iterator["Databases"]:
    """A bootstrapped server for a whole test session (of one process), without fsync."""
    with private_server() as server:
        yield Databases(endpoint=bootstrap(server.start()))


class Databases:
    """Makes databases on one server: prepare a template once, then clone it for each test."""

    def __init__(self, *, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._numbers = itertools.count(1)
        self._templates: set[str] = {DATABASE}

    def template(self, name: str, prepare: Callable[[Endpoint], None]) -> str:
        """The name of a database on which `prepare` ran once; it must leave no connection open."""
        if name not in self._templates:
            self._create(name, template=DATABASE)
            prepare(self.endpoint.on(name))
            self._templates.add(name)
        return name

    @contextmanager
    def database(self, *, template: str = DATABASE) -> Iterator[Endpoint]:
        """A clone of the template, dropped at the end, whoever is still connected."""
        name = f"test_{next(self._numbers)}"
        self._create(name, template=template)
        try:
            yield self.endpoint.on(name)
        finally:
            self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _create(self, name: str, *, template: str) -> None:
        # Copying files costs a checkpoint, free without fsync: 15 ms against 140 ms through the log.
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY FILE_COPY")
        names = (sql.Identifier(each) for each in (name, template, Role.OWNER.value))
        self._execute(create.format(*names))

    def _execute(self, statement: sql.Composed) -> None:
        dsn = self.endpoint.dsn(Role.ADMIN, database=self.endpoint.maintenance)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(statement)
