import shutil
from pathlib import Path

import pytest
from tests.integration.transcoding.pipeline.validation.sets import (
    KEY_ID,
    Sets,
    Spoil,
    both,
    copied,
    cut,
    later,
    patched,
    removed,
    replaced,
    written,
)

from vitascope.transcoding.pipeline.validation.rules import RULES
from vitascope.transcoding.pipeline.validation.validate import examine

MASTER, MPD, PLAYLIST = "master.m3u8", "manifest.mpd", "video/480p/index.m3u8"
_CHAPTERS = '#EXT-X-SESSION-DATA:DATA-ID="com.apple.hls.chapters",URI="chapters.json"\n'
_CLEAR_KEY = '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://film",KEYFORMAT="identity"\n'
_VIDEO_SET = r'(?s)<AdaptationSet id="."( contentType="video".*?)(<Representation.*?)</AdaptationSet>'
_TRICK = '<EssentialProperty schemeIdUri="http://dashif.org/guidelines/trickmode" value="99"/>'
_TRICK_SET = rf'\g<0><AdaptationSet id="77"\1{_TRICK}\2</AdaptationSet>'
_WIDEVINE = ("SEAARIjNEVWZ3", "SEJkRIjNEVWZ3")
_ALIKE = both(
    replaced(MPD, '<Role .*value="main"/>', ""),
    replaced(MPD, "<Label>.*</Label>", ""),
    replaced(MPD, 'lang="fr"', 'lang="en"'),
)
_HEV1 = both(
    patched("hevc/init.mp4", b"hvc1", b"hev1", last=True),
    replaced(MASTER, "hvc1", "hev1"),
    replaced(MPD, "hvc1", "hev1"),
)


def _chapters(listed: str) -> Spoil:
    return both(replaced(MASTER, "#EXTM3U\n", f"#EXTM3U\n{_CHAPTERS}"), written("chapters.json", listed))


def _without(box: str) -> Spoil:
    return patched("av1/00001.m4s", box.encode(), b"free")


def _other_key(header: str) -> Spoil:
    """In the header, the last box with the key id is Widevine's."""
    return patched(header, bytes.fromhex(KEY_ID), bytes.fromhex(f"99{KEY_ID[2:]}"), last=True)


def _cue(old: str, new: str) -> Spoil:
    return replaced("text/0/captions.vtt", old, new)


DEFECTS: list[tuple[str, str, Spoil]] = [
    ("manifest-missing", "film", removed(MASTER, MPD)),
    ("unreadable", "film", cut("video/480p/00001.m4s", 10)),
    ("unreadable", "film", cut("audio/1/init.mp4", 30)),
    ("unreadable", "film", replaced(PLAYLIST, "EXTINF:2.000", "EXTINF:9e999")),
    ("unreadable", "film", replaced(MPD, "</Period>", "")),
    ("outside", "film", replaced(MASTER, "audio/1/index.m3u8", "../../index.m3u8")),
    ("outside", "film", replaced(MPD, "audio/1/init.mp4", "/etc/passwd")),
    ("file-missing", "film", removed("video/360p/00002.m4s")),
    ("file-missing", "film", removed("pictures/thumbnails-01.jpg")),
    ("file-missing", "film", removed("text/0/00001.vtt")),
    ("not-checked", "film", replaced(MASTER, "audio/1/index.m3u8", "https://example.org/index.m3u8")),
    ("stray-segment", "film", copied("video/480p/00001.m4s", "video/480p/00009.m4s")),
    ("hls-variants", "film", replaced(MASTER, "#EXT-X-STREAM-INF:.*\n.*\n", "")),
    ("hls-independent", "film", replaced(MASTER, "#EXT-X-INDEPENDENT-SEGMENTS\n", "")),
    ("hls-iframes", "film", replaced(MASTER, "#EXT-X-I-FRAME-STREAM-INF:.*\n?", "", count=1)),
    ("hls-iframe-playlist", "film", replaced("video/480p/iframes.m3u8", "@", "@1")),
    ("hls-iframe-playlist", "film", replaced("video/480p/iframes.m3u8", "#EXT-X-I-FRAMES-ONLY\n", "")),
    ("hls-endlist", "film", replaced(PLAYLIST, "#EXT-X-ENDLIST", "")),
    ("hls-target-duration", "film", replaced(PLAYLIST, r"TARGETDURATION:\d+", "TARGETDURATION:1")),
    ("hls-extinf", "film", replaced(PLAYLIST, "EXTINF:2.000", "EXTINF:1.400")),
    ("hls-codecs", "film", replaced(MASTER, "avc1.4d401e", "avc1.640028")),
    ("hls-codecs", "film", replaced(MASTER, r"mp4a\.40\.2", "mp4a.40.5")),
    ("hls-codecs", "codecs", replaced(MASTER, r"vp09\.00", "vp09.02")),
    ("hls-codecs", "codecs", replaced(MASTER, ",opus", "")),
    ("hls-resolution", "film", replaced(MASTER, "854x480", "852x480")),
    ("hls-frame-rate", "film", replaced(MASTER, r"FRAME-RATE=25\.000", "FRAME-RATE=29.970")),
    ("hls-video-range", "pq", replaced(MASTER, "VIDEO-RANGE=PQ", "VIDEO-RANGE=HLG")),
    ("hls-bandwidth", "film", replaced(MASTER, "STREAM-INF:BANDWIDTH=", "STREAM-INF:BANDWIDTH=9")),
    ("hls-average-bandwidth", "film", replaced(MASTER, "AVERAGE-BANDWIDTH=", "AVERAGE-BANDWIDTH=9")),
    ("hls-group", "film", replaced(MASTER, 'SUBTITLES="text"', 'SUBTITLES="other"')),
    ("hls-names", "film", replaced(MASTER, 'NAME="fr"', 'NAME="en"')),
    ("hls-names", "film", replaced(MASTER, "DEFAULT=NO", "DEFAULT=YES")),
    ("key-frame", "film", patched("video/480p/00003.m4s", b"\x65", b"\x41")),
    ("key-frame", "open", lambda _folder: None),
    ("timeline", "film", later("audio/1/00002.m4s", 4000)),
    ("hvc1", "codecs", _HEV1),
    ("pixels", "wide", lambda _folder: None),
    ("alignment", "uneven", lambda _folder: None),
    ("duration", "short", lambda _folder: None),
    ("sound-duration", "brief", lambda _folder: None),
    ("start", "film", later("audio/1/*.m4s", 9600)),
    ("dash-static", "film", replaced(MPD, 'type="static"', 'type="dynamic"')),
    ("dash-duration", "film", replaced(MPD, '"PT5S"', '"PT1H"')),
    ("dash-tracks", "film", replaced(MPD, r'(?s)<AdaptationSet [^>]*lang="fr".*?</AdaptationSet>', "")),
    ("dash-attributes", "film", replaced(MPD, ' mimeType="video/mp4"', "")),
    ("dash-codecs", "film", replaced(MPD, "avc1.4d401e", "avc1.640028")),
    ("dash-codecs", "codecs", replaced(MPD, r"av01\.0\.0", "av01.1.0")),
    ("dash-size", "film", replaced(MPD, ' width="854"', ' width="852"')),
    ("dash-size", "film", replaced(MPD, 'frameRate="12800/512"', 'frameRate="30"')),
    ("dash-bandwidth", "film", replaced(MPD, 'bandwidth="', 'bandwidth="9')),
    ("dash-segments", "film", replaced(MPD, 'd="25600" r="1"', 'd="25600"')),
    ("dash-segments", "film", replaced(MPD, 'd="25600" r="1"', 'd="45600" r="1"')),
    ("dash-role", "film", replaced(MPD, 'value="main"', 'value="best"')),
    ("dash-role", "film", _ALIKE),
    ("dash-trick-play", "film", replaced(MPD, _VIDEO_SET, _TRICK_SET)),
    ("encryption-boxes", "cbcs", patched("h264/init.mp4", b"schm", b"free")),
    ("encryption-boxes", "cenc", both(_without("senc"), _without("saiz"))),
    ("encryption-signalled", "cbcs", replaced("h264/index.m3u8", "#EXT-X-KEY:.*\n", "")),
    (
        "encryption-signalled",
        "film",
        replaced(PLAYLIST, "#EXTINF", '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="a"\n#EXTINF'),
    ),
    (
        "encryption-signalled",
        "cenc",
        replaced(MPD, r"(?s)<ContentProtection.*?(/>|</ContentProtection>)", ""),
    ),
    ("encryption-scheme", "cbcs", replaced("h264/index.m3u8", "METHOD=SAMPLE-AES", "METHOD=SAMPLE-AES-CTR")),
    ("encryption-scheme", "cenc", replaced(MPD, 'value="cenc"', 'value="cbcs"')),
    ("key-id", "cbcs", replaced("h264/index.m3u8", "KEYID=0x00", "KEYID=0x99")),
    ("key-id", "cenc", replaced(MPD, 'default_KID="00', 'default_KID="99')),
    ("pssh", "cbcs", replaced("h264/index.m3u8", "SEAARI", "SEAARJ")),
    ("pssh", "cenc", replaced(MPD, "SEAARI", "SEAARJ")),
    ("pssh", "cenc", both(_other_key("h264/init.mp4"), replaced(MPD, *_WIDEVINE))),
    ("identity-key", "cbcs", replaced("h264/index.m3u8", "#EXT-X-KEY", f"{_CLEAR_KEY}#EXT-X-KEY", count=1)),
    ("language", "film", replaced(MASTER, 'LANGUAGE="fr"', 'LANGUAGE="french film"')),
    ("language", "film", replaced(MPD, 'lang="fr"', 'lang="qq"')),
    ("webvtt-header", "film", _cue("WEBVTT", "WEBVT")),
    ("webvtt-timing", "film", _cue("00:02.000", "00:00.400")),
    ("webvtt-range", "film", _cue("00:04.500", "00:14.500")),
    (
        "chapters",
        "film",
        _chapters('[{"start-time": 2, "titles": ["b"]}, {"start-time": 1, "titles": ["a"]}]'),
    ),
    ("chapters", "film", _chapters('[{"start-time": 200, "titles": ["b"]}]')),
    ("chapters", "film", _chapters('[{"start-time": 2}]')),
]


@pytest.fixture
def spoiled(sets: Sets, tmp_path: Path, name: str, spoil: Spoil) -> Path:
    """A copy of a good set with one defect."""
    folder = Path(shutil.copytree(sets[name], tmp_path / "set"))
    spoil(folder)
    return folder


class TestRules:
    @pytest.mark.parametrize(("rule", "name", "spoil"), DEFECTS)
    def test_defect(self, spoiled: Path, rule: str) -> None:
        """A planted defect is found by its own rule, and by no other."""
        report = examine(spoiled)

        assert {finding.rule for finding in report.findings} == {rule}, report.findings
        assert all(finding.problem and finding.remedy for finding in report.findings)

    def test_every_rule_is_tried(self) -> None:
        """There is a planted defect for each rule; what does not decode is planted in test_verify."""
        assert {rule for rule, *_ in DEFECTS} | {"decode"} == set(RULES)

    @pytest.mark.parametrize(
        ("name", "streams"),
        [("film", 4), ("codecs", 6), ("cbcs", 3), ("cenc", 4), ("single", 2), ("pq", 2)],
    )
    def test_good(self, sets: Sets, name: str, streams: int) -> None:
        """Nothing is found wrong with a good set, whatever its codecs, protection and layout."""
        report = examine(sets[name])

        assert report.findings == ()
        assert len(report.video) + len(report.audio) == streams
