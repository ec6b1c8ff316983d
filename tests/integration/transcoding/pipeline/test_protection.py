import re
import shutil
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree as ET

import m3u8
import pytest
from pymp4.parser import Box
from tests.integration.transcoding.pipeline.corpus import H264, TOOLS, ffmpeg, picture, tone

from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.encoded import Encoded
from vitascope.transcoding.pipeline.protection import (
    Protection,
    ProtectionProfile,
    Scheme,
    System,
    classes_of,
    new_protection,
)
from vitascope.transcoding.pipeline.reveal import reveal
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command, run
from vitascope.transcoding.pipeline.verify import verify
from vitascope.transcoding.pipeline.workbench import Workbench

CLASSES = {"audio/0": "AUDIO", "video/720p": "HD", "video/480p": "SD", "video/360p": "SD"}
NAMESPACES = {"mpd": "urn:mpeg:dash:schema:mpd:2011", "cenc": "urn:mpeg:cenc:2013"}
WIDEVINE = "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"
PLAYREADY = "9a04f079-9840-4286-ab92-e65be0885f95"
COMMON = "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"
CLEARKEY = "e2719d58-a985-b3c9-781a-b030af78d30e"
FAIRPLAY = "94ce86fb-07ff-4f43-adb8-93d2fa968ca2"


@dataclass(frozen=True)
class Made:
    """One film packaged in the clear and protected in each scheme."""

    encoded: Encoded
    clear: Path
    folders: Mapping[Scheme, Path]
    protections: Mapping[Scheme, Protection]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, bench: Workbench) -> Made:
    """A film of an HD and two SD rungs with sound, encoded once."""
    work = tmp_path_factory.mktemp("protected")
    film = work / "film.mp4"
    ffmpeg(*picture("1280x720", rate="25", seconds=4), *tone(seconds=4), *H264, "-c:a", "aac", str(film))
    pipeline = Pipeline(bench)
    media, _ = pipeline.probe(film)
    encoded, _ = pipeline.encode(film, pipeline.plan(media), work=work)
    labels = classes_of(encoded.plan.rungs, sound=True)
    protections = {one: new_protection(ProtectionProfile(scheme=one), labels) for one in Scheme}
    clear, _ = pipeline.package(encoded, work=work)
    folders = {
        scheme: pipeline.package(encoded, work=work, protection=protection)[0].folder
        for scheme, protection in protections.items()
    }
    return Made(encoded, clear.folder, folders, protections)


def boxes_of(file: Path) -> dict[str, bytes]:
    """The `pssh` boxes of a CMAF header by their systems, each as pymp4 reads and builds it."""
    data = file.read_bytes()
    # pymp4 knows the box, but not all that stands before it in a fragmented file.
    starts = [at.start() - 4 for at in re.finditer(b"pssh", data)]
    boxes = [Box.parse(data[start:]) for start in starts]
    return {str(box.system_ID): Box.build(box) for box in boxes}


def frames_of(track: Path, *, listed: bool, bench: Workbench) -> bytes:
    """A hash of every decoded frame or block of samples."""
    form = "hls" if listed else "mov"
    arguments = (
        "-nostdin",
        "-v",
        "error",
        "-f",
        form,
        "-i",
        f"file:{track.resolve()}",
        "-f",
        "framemd5",
        "-",
    )
    command = Command(program=TOOLS.ffmpeg, arguments=arguments, readable=(track.parent.resolve(),))
    return bench.must(command, bounds=Bounds()).output


class TestPackage:
    @pytest.mark.parametrize("scheme", Scheme)
    def test_decrypts_to_the_clear_set(
        self, made: Made, bench: Workbench, tmp_path: Path, scheme: Scheme
    ) -> None:
        """With its keys every track decodes to exactly the frames of the set in the clear."""
        for name in CLASSES:
            clear, _ = reveal(
                made.folders[scheme] / name / "index.m3u8",
                video=name.startswith("video"),
                protection=made.protections[scheme],
                bench=bench,
                into=tmp_path,
            )
            plain = _joined(made.clear / name, tmp_path / "plain.mp4")

            assert frames_of(clear, listed=False, bench=bench) == frames_of(plain, listed=False, bench=bench)

    @pytest.mark.parametrize("scheme", Scheme)
    @pytest.mark.parametrize("name", CLASSES)
    def test_is_really_encrypted(self, made: Made, tmp_path: Path, scheme: Scheme, name: str) -> None:
        """Without keys no track decodes to what it holds."""
        secret = _joined(made.folders[scheme] / name, tmp_path / "secret.mp4")
        plain = _joined(made.clear / name, tmp_path / "plain.mp4")

        assert _decoded(secret) != _decoded(plain)

    @pytest.mark.parametrize("scheme", Scheme)
    def test_boxes_are_those_of_the_manifest(self, made: Made, scheme: Scheme) -> None:
        """What the segments' headers and the MPD say of systems and keys is the same, box by box."""
        folder = made.folders[scheme]
        root = ET.parse(folder / "manifest.mpd").getroot()  # noqa: S314 - our own
        sets = root.findall(".//mpd:AdaptationSet", NAMESPACES)

        for one in sets:
            start = one.find(".//mpd:SegmentTemplate", NAMESPACES)
            assert start is not None
            said = _said(one)
            held = boxes_of(folder / start.get("initialization", ""))
            assert set(held) == {WIDEVINE, PLAYREADY, COMMON}
            assert {name: said[name] for name in (WIDEVINE, PLAYREADY)} == {
                name: held[name] for name in (WIDEVINE, PLAYREADY)
            }
            assert said[CLEARKEY] == b""
            assert (FAIRPLAY in said) == (scheme is Scheme.CBCS)

    @pytest.mark.parametrize("scheme", Scheme)
    def test_each_class_is_told_its_key(self, made: Made, scheme: Scheme) -> None:
        """Playlists and MPD name the key of each track's class, which no other class has."""
        folder, protection = made.folders[scheme], made.protections[scheme]
        root = ET.parse(folder / "manifest.mpd").getroot()  # noqa: S314 - our own
        told = {}
        for one in root.iterfind(".//mpd:AdaptationSet", NAMESPACES):
            kid = next(
                UUID(element.attrib[f"{{{NAMESPACES['cenc']}}}default_KID"]).hex
                for element in one.iterfind("mpd:ContentProtection", NAMESPACES)
                if "mp4protection" in element.get("schemeIdUri", "")
            )
            for template in one.iterfind(".//mpd:SegmentTemplate", NAMESPACES):
                told[template.get("initialization", "").removesuffix("/init.mp4")] = kid

        assert told == {name: protection.key_of(label).kid for name, label in CLASSES.items()}
        for name, kid in told.items():
            for playlist in folder.joinpath(name).glob("*.m3u8"):
                assert _kids(playlist) == {kid}

    def test_names_every_system_once(self, made: Made) -> None:
        """A playlist tells Widevine, PlayReady, FairPlay and ClearKey of the key, and no whole key file."""
        protection = made.protections[Scheme.CBCS]
        kid = protection.key_of("HD").kid
        keys = m3u8.load(str(made.folders[Scheme.CBCS] / "video/720p/index.m3u8")).keys

        formats = {key.keyformat: key for key in keys}
        assert sorted(formats) == sorted(
            [
                f"urn:uuid:{WIDEVINE}",
                "com.microsoft.playready",
                "com.apple.streamingkeydelivery",
                "org.w3.clearkey",
            ]
        )
        assert {key.method for key in keys} == {"SAMPLE-AES"}
        assert formats["com.apple.streamingkeydelivery"].uri == f"skd://{kid}"
        clearkey = formats["org.w3.clearkey"].uri.partition("base64,")[2]
        assert b64decode(clearkey).hex() == kid

    def test_leaves_out_what_was_not_wanted(self, made: Made, bench: Workbench) -> None:
        """A set for one system names no other."""
        profile = ProtectionProfile(systems=(System.CLEARKEY,))
        protection = new_protection(profile, classes_of(made.encoded.plan.rungs, sound=True))

        packaged, _ = Pipeline(bench).package(
            made.encoded, work=made.encoded.folder.parent, protection=protection
        )

        playlist = (packaged.folder / "video/720p/index.m3u8").read_text(encoding="utf-8")
        assert playlist.count("#EXT-X-KEY") == playlist.count("org.w3.clearkey") == 1
        assert list(boxes_of(packaged.folder / "video/720p/init.mp4")) == [COMMON]
        verify(packaged.folder, bench=bench, encoded=made.encoded, protection=protection)

    def test_keys_are_in_no_file(self, made: Made) -> None:
        """No file of a set, or left beside it, holds one of its keys in any spelling."""
        secrets = [one.key for protection in made.protections.values() for one in protection.keys]

        data = b"".join(file.read_bytes() for file in made.clear.parent.rglob("*") if file.is_file())

        assert not any(bytes.fromhex(one) in data or one.encode() in data.lower() for one in secrets)


def _kid_elsewhere(folder: Path) -> None:
    path = folder / "manifest.mpd"
    text = path.read_text(encoding="utf-8")
    kids = sorted({part.partition('"')[0] for part in text.split('default_KID="')[1:]})
    path.write_text(text.replace(kids[0], kids[1]), encoding="utf-8")


def _key_tag_gone(folder: Path) -> None:
    _rewrite(folder / "video/360p/index.m3u8", lambda line: not line.startswith("#EXT-X-KEY"))


def _another_key_tag(folder: Path) -> None:
    path = folder / "video/360p/index.m3u8"
    (mine,), (other,) = _kids(path), _kids(folder / "video/720p/index.m3u8")
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(f"0x{mine}", f"0x{other}", text, flags=re.IGNORECASE), encoding="utf-8")


def _another_box(folder: Path) -> None:
    path = folder / "video/480p/init.mp4"
    data = bytearray(path.read_bytes())
    data[data.find(UUID(WIDEVINE).bytes) + 24] ^= 0xFF
    path.write_bytes(data)


def _one_track_clear(made: Made) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        shutil.rmtree(folder / "video/360p")
        shutil.copytree(made.clear / "video/360p", folder / "video/360p")

    return spoil


def _rewrite(path: Path, keep: Callable[[str], bool]) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(filter(keep, lines)), encoding="utf-8")


class TestVerify:
    @pytest.mark.parametrize("scheme", Scheme)
    def test_good(self, made: Made, bench: Workbench, scheme: Scheme) -> None:
        """A protected set passes with its keys, decoded, and without them as far as it can be read."""
        checked, decoded = verify(
            made.folders[scheme], bench=bench, encoded=made.encoded, protection=made.protections[scheme]
        )
        _, unread = verify(made.folders[scheme], bench=bench)

        assert all(one.initialisation.sample.encrypted for one in (*checked.video, *checked.audio))
        assert decoded.cpu > 0 == unread.cpu
        assert {one.initialisation.codec for one in checked.audio} == {"mp4a.40.2"}

    def test_wrong_key(self, made: Made, bench: Workbench) -> None:
        """Planted: a set that was encrypted with another key than the one that is kept is not published."""
        kept = made.protections[Scheme.CBCS]
        other = new_protection(kept.profile, [one.label for one in kept.keys])
        swapped = Protection(
            profile=kept.profile,
            keys=tuple(
                type(mine)(label=mine.label, kid=mine.kid, iv=mine.iv, key=wrong.key)
                for mine, wrong in zip(kept.keys, other.keys, strict=True)
            ),
        )

        with pytest.raises(SetInvalid, match="does not decode"):
            verify(made.folders[Scheme.CBCS], bench=bench, protection=swapped)

    @pytest.mark.parametrize(
        ("spoil", "said"),
        [
            (_kid_elsewhere, "key-id"),
            (_key_tag_gone, "encryption-signalled"),
            (_another_key_tag, "key-id"),
            (_another_box, "pssh"),
            ("one track clear", "encryption-signalled"),
        ],
    )
    def test_spoiled(
        self,
        made: Made,
        bench: Workbench,
        tmp_path: Path,
        spoil: Callable[[Path], None] | str,
        said: str,
    ) -> None:
        """Planted: whatever manifests say otherwise of keys than segments do is named."""
        folder = Path(shutil.copytree(made.folders[Scheme.CBCS], tmp_path / "set"))
        (_one_track_clear(made) if isinstance(spoil, str) else spoil)(folder)

        with pytest.raises(SetInvalid) as found:
            verify(folder, bench=bench)

        assert said in found.value.extra["rules"]


def _joined(folder: Path, file: Path) -> Path:
    parts = [folder / "init.mp4", *sorted(folder.glob("*.m4s"))]
    file.write_bytes(b"".join(part.read_bytes() for part in parts))
    return file


def _decoded(file: Path) -> bytes:
    """What ffmpeg makes of a file, errors or not."""
    arguments = ("-nostdin", "-v", "quiet", "-i", f"file:{file.resolve()}", "-f", "framemd5", "-")
    command = Command(program=TOOLS.ffmpeg, arguments=arguments, readable=(file.parent.resolve(),))
    return run(command, bounds=Bounds()).output


def _kids(playlist: Path) -> set[str]:
    """The ids in the key tags of a playlist."""
    tags = [line for line in playlist.read_text(encoding="utf-8").splitlines() if "EXT-X-KEY" in line]
    return {tag.partition("KEYID=0x")[2][:32].lower() for tag in tags if "KEYID" in tag}


def _said(adaptation: ET.Element) -> dict[str, bytes]:
    """The box that an adaptation set tells each system, empty if none."""
    found = {}
    for element in adaptation.iterfind("mpd:ContentProtection", NAMESPACES):
        uri = element.get("schemeIdUri", "")
        if uri.startswith("urn:uuid:"):
            text = element.findtext("cenc:pssh", "", NAMESPACES)
            found[uri.removeprefix("urn:uuid:")] = b64decode(text.strip())
    return found
