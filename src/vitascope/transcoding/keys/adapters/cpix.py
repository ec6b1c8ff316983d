"""An outside key server, asked by CPIX 2.3 (DASH-IF) as SPEKE v2 does: one XML document out, one back.

The ids are chosen here; the server answers their keys, and perhaps initialisation vectors. Answers are
read without document types, so without entities, and never followed elsewhere.
"""

import secrets
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4
from xml.etree import ElementTree as ET

from vitascope.foundation.errors import Invalid
from vitascope.transcoding.keys.contracts import KeyServerRefused
from vitascope.transcoding.pipeline.protection import SOUND, ProtectionProfile, System, TrackKey

CPIX = "urn:dashif:org:cpix"
PSKC = "urn:ietf:params:xml:ns:keyprov:pskc"
_NAMES = {"cpix": CPIX, "pskc": PSKC}
_VERSION = "2.3"
SYSTEM_IDS = {
    System.WIDEVINE: "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed",
    System.PLAYREADY: "9a04f079-9840-4286-ab92-e65be0885f95",
    System.FAIRPLAY: "94ce86fb-07ff-4f43-adb8-93d2fa968ca2",
    System.CLEARKEY: "e2719d58-a985-b3c9-781a-b030af78d30e",
}
_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The id of a key that is asked for, and its class of tracks."""

    label: str
    kid: UUID


def wanted(labels: Sequence[str]) -> Sequence[Wanted]:
    """An id for the key of each class."""
    return [Wanted(label=label, kid=uuid4()) for label in labels]


def request(name: str, *, profile: ProtectionProfile, keys: Sequence[Wanted]) -> bytes:
    """The document that asks for the keys of a set."""
    for prefix, uri in _NAMES.items():
        ET.register_namespace(prefix, uri)
    root = ET.Element(_tag("CPIX"), {"contentId": name, "version": _VERSION})
    root.append(_content_keys(profile, keys))
    root.append(_systems(profile, keys))
    root.append(_usage(keys))
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _content_keys(profile: ProtectionProfile, keys: Sequence[Wanted]) -> ET.Element:
    found = ET.Element(_tag("ContentKeyList"))
    for one in keys:
        said = {"kid": str(one.kid), "commonEncryptionScheme": str(profile.scheme)}
        ET.SubElement(found, _tag("ContentKey"), said)
    return found


def _systems(profile: ProtectionProfile, keys: Sequence[Wanted]) -> ET.Element:
    found = ET.Element(_tag("DRMSystemList"))
    for one in keys:
        for system in profile.systems:
            ET.SubElement(found, _tag("DRMSystem"), {"kid": str(one.kid), "systemId": SYSTEM_IDS[system]})
    return found


def _usage(keys: Sequence[Wanted]) -> ET.Element:
    found = ET.Element(_tag("ContentKeyUsageRuleList"))
    for one in keys:
        said = {"kid": str(one.kid), "intendedTrackType": one.label}
        rule = ET.SubElement(found, _tag("ContentKeyUsageRule"), said)
        ET.SubElement(rule, _tag("AudioFilter" if one.label == SOUND else "VideoFilter"))
    return found


def answered(document: bytes, *, keys: Sequence[Wanted]) -> Sequence[TrackKey]:
    """The keys in a server's answer: exactly those that were asked for. Raises KeyServerRefused."""
    try:
        root = ET.fromstring(document, parser=ET.XMLParser(target=_Plain()))  # noqa: S314 - _Plain takes no document type, so there is no entity
        found = {UUID(one.get("kid", "")): one for one in root.iterfind(".//cpix:ContentKey", _NAMES)}
        if root.tag != _tag("CPIX") or set(found) != {one.kid for one in keys}:
            raise KeyServerRefused("The key server answered other keys than those it was asked for.")
        return [_key(one, found[one.kid]) for one in keys]
    except (ET.ParseError, ValueError, NotBase64, Invalid) as failure:
        # What was answered may hold keys: neither it nor an error that quotes it is told.
        raise KeyServerRefused(
            f"The key server's answer is not CPIX with plain keys ({type(failure).__name__})."
        ) from None


def _key(one: Wanted, element: ET.Element) -> TrackKey:
    value = element.findtext("cpix:Data/pskc:Secret/pskc:PlainValue", "", _NAMES)
    vector = element.get("explicitIV")
    iv = b64decode(vector, validate=True) if vector else secrets.token_bytes(_BYTES)
    key = b64decode(value.strip(), validate=True)
    return TrackKey(label=one.label, kid=one.kid.hex, key=key.hex(), iv=iv.hex())


class _Plain(ET.TreeBuilder):
    """Builds a tree of a document without a document type."""

    def doctype(self, *_: str | None) -> None:
        """Refuse it: entities could make a small answer large, or read something else."""
        raise ValueError("a document type")


def _tag(name: str) -> str:
    return f"{{{CPIX}}}{name}"
