from base64 import b64encode
from collections.abc import Sequence
from xml.etree import ElementTree as ET

import pytest

from vitascope.transcoding.keys.adapters.cpix import CPIX, PSKC, Wanted, answered, request, wanted
from vitascope.transcoding.keys.contracts import KeyServerRefused
from vitascope.transcoding.pipeline.protection import ProtectionProfile, Scheme, System

NAMES = {"cpix": CPIX, "pskc": PSKC}
KEY = bytes(range(16))
BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>'


def answer(keys: Sequence[Wanted], *, value: bytes = KEY, before: str = "", iv: str = "") -> bytes:
    """What a server says: keys that differ in their last byte."""
    elements = "".join(
        f'<c:ContentKey kid="{one.kid}" {iv}><c:Data><p:Secret><p:PlainValue>'
        f"{b64encode(value[:-1] + bytes([at])).decode()}"
        f"</p:PlainValue></p:Secret></c:Data></c:ContentKey>"
        for at, one in enumerate(keys)
    )
    root = (
        f'<c:CPIX xmlns:c="{CPIX}" xmlns:p="{PSKC}"><c:ContentKeyList>{elements}</c:ContentKeyList></c:CPIX>'
    )
    return (before + root).encode()


class TestRequest:
    def test_names_keys_systems_and_classes(self) -> None:
        """Each key is asked for with its scheme, its systems and its class of tracks."""
        keys = wanted(["AUDIO", "HD"])
        profile = ProtectionProfile(scheme=Scheme.CENC, systems=(System.WIDEVINE, System.PLAYREADY))

        root = ET.fromstring(request("job_1", profile=profile, keys=keys))  # noqa: S314 - our own

        asked = root.findall("cpix:ContentKeyList/cpix:ContentKey", NAMES)
        rules = root.findall("cpix:ContentKeyUsageRuleList/cpix:ContentKeyUsageRule", NAMES)
        assert (root.get("version"), root.get("contentId")) == ("2.3", "job_1")
        assert [(one.get("kid"), one.get("commonEncryptionScheme")) for one in asked] == [
            (str(one.kid), "cenc") for one in keys
        ]
        assert len(root.findall("cpix:DRMSystemList/cpix:DRMSystem", NAMES)) == 4
        assert [(one.get("intendedTrackType"), one[0].tag.partition("}")[2]) for one in rules] == [
            ("AUDIO", "AudioFilter"),
            ("HD", "VideoFilter"),
        ]


class TestAnswered:
    def test_reads_keys_and_vectors(self) -> None:
        """A key is the server's, and so is its vector if it names one; else it is drawn here."""
        keys = wanted(["AUDIO", "HD"])
        vector = f'explicitIV="{b64encode(bytes(16)).decode()}"'

        named = answered(answer(keys, iv=vector), keys=keys)
        drawn = answered(answer(keys), keys=keys)

        assert [one.kid for one in named] == [one.kid.hex for one in keys]
        assert [one.key[-2:] for one in named] == ["00", "01"]
        assert {one.iv for one in named} == {"0" * 32}
        assert len({one.iv for one in drawn}) == 2

    @pytest.mark.parametrize(
        "document",
        [
            b"",
            b"<html>no</html>",
            b"\xff\xfe\x00",
            answer(wanted(["AUDIO"])),
        ],
        ids=["nothing", "html", "bytes", "other keys"],
    )
    def test_refuses_what_was_not_asked_for(self, document: bytes) -> None:
        """Whatever is not CPIX with exactly these keys is refused."""
        with pytest.raises(KeyServerRefused):
            answered(document, keys=wanted(["AUDIO"]))

    @pytest.mark.parametrize("value", [b"short", b"x" * 32])
    def test_refuses_keys_of_another_length(self, value: bytes) -> None:
        """A key has 16 bytes; the refusal quotes none of what came."""
        keys = wanted(["AUDIO"])

        with pytest.raises(KeyServerRefused) as refused:
            answered(answer(keys, value=value), keys=keys)

        assert b64encode(value[:-1]).decode()[:6] not in str(refused.value)

    def test_reads_no_document_type(self) -> None:
        """Entities are never expanded: a document with a type is refused before they are read."""
        keys = wanted(["AUDIO"])

        with pytest.raises(KeyServerRefused):
            answered(answer(keys, before=BOMB), keys=keys)
