"""Common encryption (ISO/IEC 23001-7) as the packager is told it: scheme, keys, and who is signalled.

Keys never stand on a command line, which every user of the machine may read, nor in a file: the
packager reads them from its standard input, as a file of flags.
"""

import json
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import uuid4

from msgspec import Struct

from vitascope.foundation.errors import Invalid
from vitascope.transcoding.pipeline.contracts import Rung

FLAGS_FROM_INPUT = ("--flagfile", "/dev/stdin")
SOUND = "AUDIO"
_MOST_PIXELS = (("SD", 768 * 576), ("HD", 1920 * 1088), ("UHD1", 4096 * 2176))
_LARGEST = "UHD2"
_HEX = re.compile(r"[0-9a-f]{32}")
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,32}")
_URI = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9._~:/?&=%{}-]*")
_KID = "{kid}"


class Scheme(StrEnum):
    """How samples are encrypted: AES-CBC in a pattern, which all systems play now, or AES-CTR whole."""

    CBCS = "cbcs"
    CENC = "cenc"


class System(StrEnum):
    """Who can hand a key to a player; each is told in its own way which key is meant."""

    WIDEVINE = "widevine"
    PLAYREADY = "playready"
    FAIRPLAY = "fairplay"
    CLEARKEY = "clearkey"


class ProtectionProfile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a tenant wants of protection; `fairplay_uri` may hold `{kid}`, the key's id in hexadecimal.

    FairPlay plays cbcs only, and is left out of a set of the other scheme.
    """

    scheme: Scheme = Scheme.CBCS
    systems: tuple[System, ...] = tuple(System)
    fairplay_uri: str = "skd://{kid}"

    def __post_init__(self) -> None:
        if not self.systems:
            raise Invalid("Name at least one protection system.", field="systems")
        if not _URI.fullmatch(self.fairplay_uri):
            raise Invalid("A FairPlay address reads like skd://{kid}.", field="fairplay_uri")


class TrackKey(Struct, frozen=True, kw_only=True):
    """The key of a class of tracks, its id, and the initialisation vector for cbcs, in hexadecimal."""

    label: str
    kid: str
    key: str
    iv: str

    def __post_init__(self) -> None:
        if not _LABEL.fullmatch(self.label):
            raise Invalid("A key's label is of letters, digits, _ and -, at most 32.", field="label")
        for name in ("kid", "key", "iv"):
            if not _HEX.fullmatch(getattr(self, name)):
                raise Invalid(f"The {name} of a key is 32 hexadecimal digits in lower case.", field=name)

    def __repr__(self) -> str:
        return f"TrackKey(label={self.label!r}, kid={self.kid!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("label", self.label), ("kid", self.kid)]


class Protection(Struct, frozen=True, kw_only=True):
    """How one set is protected; raises Invalid if two of its classes share a key or an id."""

    profile: ProtectionProfile
    keys: tuple[TrackKey, ...]

    def __post_init__(self) -> None:
        for name in ("label", "kid", "key"):
            if len({getattr(one, name) for one in self.keys}) != len(self.keys):
                raise Invalid(f"Each class of tracks has a {name} of its own.", field=f"keys.{name}")

    @property
    def name(self) -> str:
        """A name for all that decides how the set is signalled; it tells nothing of the keys."""
        said = [self.profile.scheme, *self.profile.systems, self.profile.fairplay_uri]
        said += [part for one in self.keys for part in (one.label, one.kid)]
        return sha256(json.dumps(said).encode()).hexdigest()[:12]

    @property
    def systems(self) -> tuple[System, ...]:
        """The systems that can play the scheme."""
        plays_all = self.profile.scheme is Scheme.CBCS
        return tuple(one for one in self.profile.systems if plays_all or one is not System.FAIRPLAY)

    def key_of(self, label: str) -> TrackKey:
        """The key of a class; raises Invalid if there is none."""
        for one in self.keys:
            if one.label == label:
                return one
        raise Invalid(f"There is no key for the tracks of the class {label}.", field="keys")

    def fairplay_uri(self, key: TrackKey) -> str:
        """Where FairPlay asks for a key."""
        return self.profile.fairplay_uri.replace(_KID, key.kid)

    def encrypting(self) -> bytes:
        """The packager's flags, as a file of them."""
        # The common system puts its box into the segments' header: by it browsers know ClearKey's keys.
        named = {System.CLEARKEY: "CommonSystem", System.WIDEVINE: "Widevine", System.PLAYREADY: "PlayReady"}
        systems = [*(named.get(one, "FairPlay") for one in self.systems)]
        flags = [
            "--enable_raw_key_encryption",
            f"--keys={','.join(map(self._described, self.keys))}",
            f"--protection_scheme={self.profile.scheme}",
            f"--protection_systems={','.join(systems)}",
            "--clear_lead=0",
            "--hls_key_uri=skd://key",
        ]
        return "".join(f"{flag}\n" for flag in flags).encode()

    def decrypting(self) -> bytes:
        """The packager's flags to make the set clear again."""
        keys = ",".join(f"label={one.label}:key_id={one.kid}:key={one.key}" for one in self.keys)
        return f"--enable_raw_key_decryption\n--keys={keys}\n".encode()

    def _described(self, one: TrackKey) -> str:
        described = f"label={one.label}:key_id={one.kid}:key={one.key}"
        # With AES-CTR two tracks of one class would share a key stream: the packager draws one for each.
        return f"{described}:iv={one.iv}" if self.profile.scheme is Scheme.CBCS else described


def class_of(rung: Rung) -> str:
    """The class of a rung by its pixels: SD, HD, UHD1 or UHD2."""
    pixels = rung.width * rung.height
    return next((label for label, most in _MOST_PIXELS if pixels <= most), _LARGEST)


def classes_of(rungs: Iterable[Rung], *, sound: bool) -> tuple[str, ...]:
    """The classes of tracks of a set, each of which has a key of its own; sound first."""
    found = dict.fromkeys(class_of(rung) for rung in rungs)
    return (SOUND, *found) if sound else tuple(found)


def new_key(label: str) -> TrackKey:
    """A random key of the operating system's."""
    return TrackKey(label=label, kid=uuid4().hex, key=secrets.token_hex(16), iv=secrets.token_hex(16))


def new_protection(profile: ProtectionProfile, labels: Sequence[str]) -> Protection:
    """New keys for these classes."""
    return Protection(profile=profile, keys=tuple(map(new_key, labels)))


Protector = Callable[[Sequence[str]], Protection | None]
"""Gives the keys for classes of tracks; None: the set stays clear."""


def unprotected(_labels: Sequence[str]) -> Protection | None:
    """For sets in the clear."""
    return None


def key_set(keys: Iterable[TrackKey]) -> list[dict[str, Any]]:
    """The keys as plain values, to be kept where only their owner reads them."""
    return [{name: getattr(one, name) for name in TrackKey.__struct_fields__} for one in keys]
