"""Tell players which key each track of an encrypted set needs.

The packager writes Widevine and PlayReady into both manifests, and FairPlay into HLS with one address for
all keys. What it leaves out is added here: each track's own FairPlay address, FairPlay in DASH, and
ClearKey in both. Its `identity` lines go: they would name a whole key file, which there is not.
"""

import re
from base64 import b64encode
from pathlib import Path

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.protection import Protection, System
from vitascope.transcoding.pipeline.sample_entries import Protection as TrackProtection

_COMMON = "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"
_CLEARKEY = "e2719d58-a985-b3c9-781a-b030af78d30e"
_FAIRPLAY = "94ce86fb-07ff-4f43-adb8-93d2fa968ca2"
_COMMON_ELEMENT = re.compile(
    rf'( *)<ContentProtection schemeIdUri="urn:uuid:{_COMMON}">.*?</ContentProtection>\n', re.DOTALL
)
_DEFAULT_ELEMENT = re.compile(r'( *)<ContentProtection value="\w+" schemeIdUri="urn:mpeg:dash:mp4[^>]*/>\n')
_METHODS = {"cbcs": "SAMPLE-AES", "cenc": "SAMPLE-AES-CTR"}
_CLEARKEY_FORMAT = "org.w3.clearkey"
_FAIRPLAY_FORMAT = "com.apple.streamingkeydelivery"


def signal(folder: Path, protection: Protection) -> None:
    """Complete the manifests of a set that the packager has just made."""
    for playlist in sorted(folder.rglob("*.m3u8")):
        start = playlist.with_name("init.mp4")
        if start.is_file():
            track = mp4.read_initialisation(start)
            if track.sample.protection is not None:
                _signal_playlist(playlist, track.sample.protection, protection)
    for manifest in folder.glob("*.mpd"):
        manifest.write_text(_signalled(manifest.read_text(encoding="utf-8"), protection), encoding="utf-8")


def _signal_playlist(playlist: Path, track: TrackProtection, protection: Protection) -> None:
    lines: list[str] = []
    for line in playlist.read_text(encoding="utf-8").splitlines():
        if 'KEYFORMAT="identity"' not in line:
            lines.append(_with_own_address(line, track, protection))
        # A header is not encrypted: keys are named after it, for the segments that follow.
        if line.startswith("#EXT-X-MAP:") and System.CLEARKEY in protection.systems:
            lines.append(_clearkey_line(track))
    playlist.write_text("\n".join([*lines, ""]), encoding="utf-8")


def _with_own_address(line: str, track: TrackProtection, protection: Protection) -> str:
    if _FAIRPLAY_FORMAT not in line:
        return line
    key = next(one for one in protection.keys if one.kid == track.key_id)
    return re.sub(r'URI="[^"]*"', f'URI="{protection.fairplay_uri(key)}"', line)


def _clearkey_line(track: TrackProtection) -> str:
    """The key's id stands in the address as well, for there hls.js looks for it."""
    kid = b64encode(bytes.fromhex(track.key_id)).decode()
    return (
        f'#EXT-X-KEY:METHOD={_METHODS[track.scheme]},URI="data:text/plain;base64,{kid}",'
        f'KEYID=0x{track.key_id.upper()},KEYFORMATVERSIONS="1",KEYFORMAT="{_CLEARKEY_FORMAT}"'
    )


def _signalled(mpd: str, protection: Protection) -> str:
    if System.CLEARKEY in protection.systems:
        mpd = _COMMON_ELEMENT.sub(_clearkey_element, mpd)
    if System.FAIRPLAY in protection.systems:
        mpd = _DEFAULT_ELEMENT.sub(_with_fairplay, mpd)
    return mpd


def _clearkey_element(common: re.Match[str]) -> str:
    """Without a box: Clear Key's initialisation data is the list of ids, which players make of the default.

    dash.js would take a box, here or of the common system, for that list and fail.
    """
    return f'{common.group(1)}<ContentProtection value="ClearKey1.0" schemeIdUri="urn:uuid:{_CLEARKEY}"/>\n'


def _with_fairplay(default: re.Match[str]) -> str:
    element = f'<ContentProtection value="FairPlay" schemeIdUri="urn:uuid:{_FAIRPLAY}"/>'
    return f"{default.group()}{default.group(1)}{element}\n"
