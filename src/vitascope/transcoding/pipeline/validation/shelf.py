"""The files of a set, read once, and none outside of its folder."""

import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.validation.findings import Finding, found

_Read = TypeVar("_Read")
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")
_MOST_FILES = 500_000
_UNREADABLE = (ValueError, LookupError, ArithmeticError, EOFError, struct.error)


class Refused(Exception):
    """A file of the set cannot be used."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.problem)
        self.finding = finding


class Shelf:
    """A folder whose manifests name files, and what is found out about them.

    What is outside of the folder is never opened.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.findings: list[Finding] = []
        self.used: set[Path] = set()
        self._headers: dict[tuple[Path, mp4.Span], mp4.Initialisation] = {}

    def tell(self, rule: str, file: Path | str, problem: str) -> None:
        """Note a finding."""
        self.findings.append(found(rule, self.name(file), problem))

    def name(self, file: Path | str) -> str:
        """A file's path in the set."""
        if isinstance(file, str):
            return file
        return file.relative_to(self.folder).as_posix() if file.is_relative_to(self.folder) else file.name

    def find(self, manifest: Path, address: str) -> Path:
        """The file that a manifest names; raises Refused if it is elsewhere or not there."""
        here, shown = self.name(manifest), repr(address[:100])
        if _REMOTE.match(address):
            raise Refused(found("not-checked", here, f"It names {shown}, which is not in the folder."))
        path = self._resolve(manifest, address)
        if path is None or not path.is_relative_to(self.folder):
            raise Refused(found("outside", here, f"It names {shown}, which is outside of the set."))
        if not _is_file(path):
            raise Refused(found("file-missing", here, f"It names {shown}, which is not there."))
        self.used.add(path)
        return path

    def _resolve(self, manifest: Path, address: str) -> Path | None:
        plain = unquote(address.partition("?")[0].partition("#")[0])
        try:
            return (manifest.parent / plain).resolve()
        except (OSError, ValueError, RuntimeError):
            return None  # a loop of links, a NUL, a name longer than names are

    def header(self, path: Path, span: mp4.Span) -> mp4.Initialisation:
        """The CMAF header in (a span of) a file; raises Refused if it is damaged or holds several tracks."""
        key = (path, span)
        if key not in self._headers:
            with self.reading(path):
                self._headers[key] = mp4.read_initialisation(path, span)
        if self._headers[key].tracks > 1:
            raise Refused(
                found("not-checked", self.name(path), "Several tracks in one file are not checked.")
            )
        return self._headers[key]

    @contextmanager
    def reading(self, path: Path) -> Iterator[None]:
        """Whatever goes wrong while a file is read or understood is raised as Refused."""
        try:
            yield
        except SetInvalid as problem:
            raise Refused(found("unreadable", self.name(path), problem.detail)) from problem
        except OSError as problem:
            said = problem.strerror or "its name cannot be one"
            raise Refused(found("unreadable", self.name(path), f"It cannot be read: {said}.")) from problem
        except _UNREADABLE as problem:
            raise Refused(found("unreadable", self.name(path), "It is not what its name says.")) from problem

    def attempt(self, read: Callable[[], _Read]) -> _Read | None:
        """What a function answers, or None with a finding if something is refused."""
        try:
            return read()
        except Refused as refused:
            self.findings.append(refused.finding)
            return None

    @contextmanager
    def tolerating(self) -> Iterator[None]:
        """What is refused becomes a finding, and the check goes on after it."""
        try:
            yield
        except Refused as refused:
            self.findings.append(refused.finding)

    def files(self, *suffixes: str) -> Iterator[Path]:
        """All files of the set with such a suffix, sorted; links that lead out are told and left out."""
        paths = sorted(path for suffix in suffixes for path in self.folder.rglob(f"*{suffix}"))
        for path in paths[:_MOST_FILES]:
            if not path.resolve().is_relative_to(self.folder):
                self.tell("outside", path, "It is a link that leads out of the set.")
            elif _is_file(path):
                yield path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
