"""`vitascope doctor`: what this machine has, what is missing, and how to get it."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from vitascope.foundation.db.server.binaries import find_binaries
from vitascope.foundation.db.server.errors import NoBinaries
from vitascope.runtime.commands.printing import safe
from vitascope.transcoding.pipeline import binaries, hardware
from vitascope.transcoding.pipeline.contracts import ProgramMissing
from vitascope.transcoding.pipeline.sandbox import program as sandbox

_ROOM_BYTES = 5 * 10**9
_OPTIONAL = {
    "nginx": "sends segments in front of the platform (apt install nginx)",
    "chromium": "runs the browser tests (apt install chromium)",
    "redis-server": "shares cache and rate limits between processes (apt install redis-server)",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `needed` says whether the platform can do without it."""

    name: str
    ok: bool
    needed: bool
    detail: str


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, as_json: bool) -> None:
    """Look at this machine; exits with 1 if something that is needed is missing."""
    findings = list(examine())
    well = all(one.ok for one in findings if one.needed)
    if as_json:
        click.echo(json.dumps({"ok": well, "findings": [asdict(one) for one in findings]}))
    else:
        for one in findings:
            mark = "ok  " if one.ok else "MISS" if one.needed else "-   "
            click.echo(f"{mark} {one.name:<22} {safe(one.detail)}")
    sys.exit(0 if well else 1)


def examine() -> Iterator[Finding]:
    """Everything that is looked at, in order."""
    version = sys.version.split()[0]
    yield Finding("python", sys.version_info >= (3, 11), needed=True, detail=version)
    yield _postgresql()
    yield from (_tool(report) for report in binaries.describe(os.environ))
    yield from _hardware()
    yield from _isolation()
    yield _room(Path.cwd())
    for name, purpose in _OPTIONAL.items():
        path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        yield Finding(name, path is not None, needed=False, detail=path or f"not here; {purpose}")


def _postgresql() -> Finding:
    try:
        found = find_binaries()
    except NoBinaries as missing:
        return Finding("postgresql", ok=False, needed=True, detail=missing.detail)
    return Finding("postgresql", ok=True, needed=True, detail=f"{found.version} in {found.folder}")


def _tool(report: binaries.ToolReport) -> Finding:
    can = f"; with {', '.join(report.can)}" if report.can else ""
    lacks = f"; without {', '.join(report.lacks)}" if report.lacks else ""
    detail = report.problem or f"{report.version} ({report.path}){can}{lacks}"
    return Finding(report.name, ok=report.problem is None, needed=True, detail=detail)


def _hardware() -> Iterator[Finding]:
    """What encodes in hardware, found by encoding a few pictures."""
    try:
        ffmpeg = binaries.find(os.environ).ffmpeg
    except ProgramMissing:
        return
    for engine in hardware.ENGINES:
        tried = {codec: hardware.why_not(ffmpeg, engine, codec) for codec in hardware.CODECS}
        working = [codec for codec, why_not in tried.items() if why_not is None]
        detail = f"encodes {', '.join(working)}" if working else next(filter(None, tried.values()))
        yield Finding(f"hardware: {engine}", ok=bool(working), needed=False, detail=detail)


def _isolation() -> Iterator[Finding]:
    for part, why_not in sandbox.isolation().items():
        detail = why_not or "films are decoded under it"
        yield Finding(f"sandbox: {part}", ok=why_not is None, needed=False, detail=detail)


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    return Finding("disk", free >= _ROOM_BYTES, needed=False, detail=f"{free / 1e9:.0f} GB free here")
