"""Proof that every rendition plays: fetched as a player fetches it, and decoded to its last frame."""

import asyncio
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

from vitascope.foundation.errors import VitascopeError
from vitascope.runtime.demo.client import ApiClient
from vitascope.transcoding.pipeline.binaries import Tools
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command, run

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')
_TIME = re.compile(rb"^out_time_us=(\d+)$", re.MULTILINE)
_TOLERANCE_SECONDS = 0.5


class NotPlayable(VitascopeError):
    """A rendition cannot be decoded to its end."""


@dataclass(frozen=True)
class Variant:
    """One media playlist of a master playlist: a picture quality, a sound or captions."""

    name: str
    url: str
    is_text: bool = False


@dataclass(frozen=True)
class Played:
    """A rendition that was fetched and decoded: bytes, and the seconds that came out of it."""

    name: str
    size: int
    seconds: float


async def play_all(client: ApiClient, *, master: str, duration: float, tools: Tools) -> list[Played]:
    """Fetch and decode every rendition of an HLS master playlist; raises `NotPlayable`."""
    text = (await client.bytes_of(master)).decode()
    played = []
    for variant in variants(text, base=master):
        with tempfile.TemporaryDirectory(prefix="vitascope-demo-") as folder:
            size = await _fetch(client, variant.url, Path(folder))
            if variant.is_text:
                continue
            seconds = await asyncio.to_thread(_decode, Path(folder), tools)
        if abs(seconds - duration) > max(_TOLERANCE_SECONDS, duration * 0.02):
            raise NotPlayable(f"{variant.name} gave {seconds:.1f} of {duration:.1f} seconds.")
        played.append(Played(name=variant.name, size=size, seconds=seconds))
    return played


def variants(master: str, *, base: str) -> Iterator[Variant]:
    """The media playlists that a master playlist (RFC 8216, 4.3.4) names."""
    lines = master.splitlines()
    for number, line in enumerate(lines):
        head, _, rest = line.partition(":")
        named = {key: value.strip('"') for key, value in _ATTRIBUTE.findall(rest)}
        if head == "#EXT-X-MEDIA" and "URI" in named:
            is_text = named.get("TYPE") == "SUBTITLES"
            name = f"{named['TYPE'].lower()} {named.get('NAME', '')}".strip()
            yield Variant(name, urljoin(base, named["URI"]), is_text=is_text)
        elif head == "#EXT-X-STREAM-INF":
            yield Variant(named.get("RESOLUTION", "sound"), urljoin(base, lines[number + 1]))


async def _fetch(client: ApiClient, playlist: str, folder: Path) -> int:
    """Fetch a media playlist and all it names into a folder, under plain names; returns the bytes."""
    size, lines, files = 0, [], 0
    for line in (await client.bytes_of(playlist)).decode().splitlines():
        named = re.search(r'URI="([^"]+)"', line) if line.startswith("#EXT-X-MAP") else None
        uri = named[1] if named else line if line and not line.startswith("#") else None
        if uri is None:
            lines.append(line)
            continue
        name, files = f"{files}.mp4", files + 1
        data = await client.bytes_of(urljoin(playlist, uri))
        (folder / name).write_bytes(data)
        size += len(data)
        lines.append(line.replace(uri, name))
    (folder / "media.m3u8").write_text("\n".join(lines), encoding="utf-8")
    return size


def _decode(folder: Path, tools: Tools) -> float:
    """Decode everything; returns the seconds that came out. Raises `NotPlayable`."""
    arguments = (
        "-v", "error", "-xerror", "-allowed_extensions", "ALL", "-protocol_whitelist", "file",
        "-i", str(folder / "media.m3u8"), "-f", "null", "-progress", "pipe:1", "-",
    )  # fmt: skip
    command = Command(program=tools.ffmpeg, arguments=arguments, readable=(folder.resolve(),))
    finished = run(command, bounds=Bounds(cpu=3600, wall=3600))
    times = _TIME.findall(finished.output)
    if finished.code != 0 or not times:
        raise NotPlayable(f"A rendition does not decode: {finished.errors[-300:]!r}")
    return int(times[-1]) / 1e6
