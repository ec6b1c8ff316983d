"""What the manifests tell of encryption, against the segments (ISO/IEC 23001-7, RFC 8216 4.3.2.4)."""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from vitascope.transcoding.pipeline.playlists import Entry
from vitascope.transcoding.pipeline.validation.mpd import Representation
from vitascope.transcoding.pipeline.validation.shelf import Shelf
from vitascope.transcoding.pipeline.validation.streams import Stream

_METHODS = {"cbcs": "SAMPLE-AES", "cbc1": "SAMPLE-AES", "cenc": "SAMPLE-AES-CTR"}
_GENERAL = "urn:mpeg:dash:mp4protection:2011"
_WIDEVINE = "edef8ba979d64acea3c827dcd51d21ed"
_PLAYREADY = "9a04f07998404286ab92e65be0885f95"
_PLAYREADY_KEY = re.compile(r'<KID[^>]{0,200}?VALUE="([A-Za-z0-9+/=]{24})"|<KID>([A-Za-z0-9+/=]{24})</KID>')
_NO_KEY = "0" * 32


def check_keys(shelf: Shelf, playlist: Path, keys: Sequence[Entry], stream: Stream) -> None:
    """Check the key lines of a playlist."""
    sample = stream.initialisation.sample
    if sample.encrypted != bool(keys):
        said = "It has no EXT-X-KEY, but is encrypted." if sample.encrypted else "It has a key, but is clear."
        shelf.tell("encryption-signalled", playlist, said)
    _check_identity(shelf, playlist, keys)
    if sample.protection is None or not keys:
        return
    wanted = _METHODS.get(sample.protection.scheme, sample.protection.scheme)
    for method in {key.get("METHOD") for key in keys} - {wanted}:
        said = f"METHOD is {method!r}, but the scheme is {sample.protection.scheme}."
        shelf.tell("encryption-scheme", playlist, said)
    named = {_hexadecimal(key.get("KEYID")) for key in keys if key.get("KEYID")}
    _check_key_id(shelf, playlist, named, stream)
    for key in keys:
        _check_box(shelf, playlist, _inline(key.get("URI")), stream)
    _check_headers(shelf, stream, sample.protection.key_id)


def _check_identity(shelf: Shelf, playlist: Path, keys: Sequence[Entry]) -> None:
    for key in keys:
        plain = key.get("KEYFORMAT") in {"", "identity"} and key.get("METHOD").startswith("SAMPLE-AES")
        if plain and any(other.uri.startswith("skd:") for other in keys):
            shelf.tell("identity-key", playlist, f"A key line of the format identity names {key.uri[:80]!r}.")


def _hexadecimal(text: str) -> str:
    return text.lower().removeprefix("0x").replace("-", "")


def _check_key_id(shelf: Shelf, file: Path, named: set[str], stream: Stream) -> None:
    protection = stream.initialisation.sample.protection
    held = protection.key_id if protection else _NO_KEY
    if named and held not in named | {_NO_KEY}:
        said = f"The key of {stream.playlist} is {held}, the manifest says {', '.join(sorted(named))}."
        shelf.tell("key-id", file, said)


def _inline(uri: str) -> bytes:
    """The pssh box in a data URI, empty if it holds none (as that of PlayReady, which holds an object)."""
    head, comma, data = uri.partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        return b""
    try:
        box = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return box if box[4:8] == b"pssh" else b""


def _check_box(shelf: Shelf, file: Path, box: bytes, stream: Stream) -> None:
    """A box in a manifest is the one of the same system in the header, if that has one."""
    own = [header for header in stream.initialisation.systems if header.system == box[12:28].hex()]
    if box and own and all(header.box != box for header in own):
        shelf.tell("pssh", file, f"The pssh of {box[12:28].hex()} is not the one in {stream.playlist}.")


def _check_headers(shelf: Shelf, stream: Stream, key_id: str) -> None:
    """A box that names keys names the one that the samples are encrypted with."""
    for header in stream.initialisation.systems:
        named = header.key_ids or tuple(_KEYS.get(header.system, _no_keys)(header.data))
        if named and key_id not in {*named, _NO_KEY}:
            said = f"The pssh of {header.system} is for the key {', '.join(named)}, not for {key_id}."
            shelf.tell("pssh", stream.playlist, said)


def _no_keys(_data: bytes) -> Iterator[str]:
    yield from ()


def _playready_keys(data: bytes) -> Iterator[str]:
    """The key ids in a PlayReady object: GUIDs, whose first three parts are little-endian, in its XML."""
    for found in _PLAYREADY_KEY.findall(data.decode("utf-16-le", errors="replace")):
        text = next(part for part in found if part)
        with suppress(binascii.Error, ValueError):
            yield UUID(bytes_le=base64.b64decode(text, validate=True)).hex


def _widevine_keys(data: bytes) -> Iterator[str]:
    """The key ids in Widevine's data: field 2, of 16 bytes, of a protocol buffer."""
    position = data.find(b"\x12\x10")
    while position >= 0:
        yield data[position + 2 : position + 18].hex()
        position = data.find(b"\x12\x10", position + 18)


_KEYS = {_WIDEVINE: _widevine_keys, _PLAYREADY: _playready_keys}


def check_shields(shelf: Shelf, file: Path, listed: Representation, stream: Stream) -> None:
    """Check the ContentProtection of a Representation."""
    sample = stream.initialisation.sample
    if sample.encrypted != bool(listed.shields):
        said = "is encrypted, but has no ContentProtection" if sample.encrypted else "has one, but is clear"
        shelf.tell("encryption-signalled", file, f"The Representation {listed.id!r} {said}.")
    if sample.protection is None or not listed.shields:
        return
    for shield in listed.shields:
        if shield.scheme == _GENERAL and shield.value != sample.protection.scheme:
            said = (
                f"The Representation {listed.id!r} says {shield.value!r}, it is {sample.protection.scheme}."
            )
            shelf.tell("encryption-scheme", file, said)
        _check_box(shelf, file, shield.pssh, stream)
    _check_key_id(shelf, file, {shield.key_id for shield in listed.shields if shield.key_id}, stream)
    _check_headers(shelf, stream, sample.protection.key_id)
