"""Folders that we did not make: other layouts, other packagers, and people who mean harm."""

import os
import shutil
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.transcoding.pipeline.corpus import ffmpeg
from tests.integration.transcoding.pipeline.validation.sets import Sets, replaced

from vitascope.transcoding.pipeline.validation.validate import Report, examine


def _rules(report: Report) -> set[str]:
    return {finding.rule for finding in report.findings}


@pytest.fixture
def copy(film: Path, tmp_path: Path) -> Path:
    """A good set to be spoiled."""
    return Path(shutil.copytree(film, tmp_path / "set"))


class TestOthers:
    def test_byte_ranges(self, sets: Sets) -> None:
        """Whole files with byte ranges in HLS and a segment index in DASH are checked as segments are."""
        report = examine(sets["single"])

        assert [len(stream.sizes) for stream in (*report.video, *report.audio)] == [2, 2]
        assert report.findings == ()

    def test_byte_range_elsewhere(self, sets: Sets, tmp_path: Path) -> None:
        """A byte range that does not hold what it should is found."""
        folder = Path(shutil.copytree(sets["single"], tmp_path / "set"))
        replaced("v.m3u8", r"#EXT-X-BYTERANGE:\d+@", "#EXT-X-BYTERANGE:999999999@")(folder)

        assert "unreadable" in _rules(examine(folder))

    def test_transport_stream(self, sets: Sets, tmp_path: Path) -> None:
        """MPEG-TS segments are honestly told as not checked; what a playlist says is checked all the same."""
        inputs = ("-i", str(sets.track("h264")), "-i", str(sets.track("aac")), "-c", "copy")
        options = ("-hls_time", "2", "-hls_playlist_type", "vod", "-master_pl_name", "index.m3u8")
        ffmpeg(*inputs, "-f", "hls", *options, str(tmp_path / "media.m3u8"))

        report = examine(tmp_path)

        assert _rules(report) == {"not-checked", "hls-independent", "hls-iframes"}
        assert "Not checked: MPEG-TS." in {finding.problem for finding in report.findings}

    @pytest.mark.parametrize(
        "layout", [("-use_timeline", "1"), ("-use_timeline", "0"), ("-single_file", "1")]
    )
    def test_dash_of_ffmpeg(self, sets: Sets, tmp_path: Path, layout: tuple[str, str]) -> None:
        """An MPD alone is a set, with a timeline, with equal segments or with a list of byte ranges."""
        inputs = ("-i", str(sets.track("h264")), "-i", str(sets.track("aac")), "-c", "copy")
        names = (
            "-init_seg_name",
            "i$RepresentationID$.mp4",
            "-media_seg_name",
            "$RepresentationID$-$Number%03d$.m4s",
        )
        ffmpeg(*inputs, "-f", "dash", "-seg_duration", "2", *layout, *names, str(tmp_path / "film.mpd"))

        report = examine(tmp_path)

        assert (len(report.video), len(report.audio)) == (1, 1)
        assert all(len(stream.sizes) >= 2 for stream in (*report.video, *report.audio))
        assert report.errors == ()

    def test_whole_segment_encryption(self, copy: Path) -> None:
        """Segments that are encrypted as a whole are told as not checked."""
        for path in copy.rglob("index.m3u8"):
            key = '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="key"'
            path.write_text(path.read_text().replace("#EXTM3U", key), encoding="ascii")

        assert _rules(examine(copy)) == {"not-checked"}

    def test_nothing(self, tmp_path: Path) -> None:
        """A folder without manifests, and one that is not there, are told as such."""
        assert _rules(examine(tmp_path)) == {"manifest-missing"}
        assert _rules(examine(tmp_path / "none")) == {"manifest-missing"}


def _bomb(folder: Path) -> None:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    text = f'<?xml version="1.0"?><!DOCTYPE MPD [<!ENTITY a0 "ha">{entities}]><MPD>&a11;</MPD>'
    (folder / "manifest.mpd").write_text(text, encoding="ascii")


def _external(folder: Path) -> None:
    text = '<!DOCTYPE MPD [<!ENTITY a SYSTEM "file:///etc/passwd">]><MPD>&a;</MPD>'
    (folder / "manifest.mpd").write_text(text, encoding="ascii")


def _deep(folder: Path) -> None:
    depth = 100_000
    (folder / "manifest.mpd").write_text("<a>" * depth + "</a>" * depth, encoding="ascii")


def _endless_timeline(folder: Path) -> None:
    replaced("manifest.mpd", 'r="1"', 'r="999999999999"')(folder)


def _endless_period(folder: Path) -> None:
    text = (folder / "manifest.mpd").read_text(encoding="utf-8")
    text = text.replace('"PT5S"', '"PT999999999H"').replace('d="25600" r="1"', 'd="1" r="-1"')
    (folder / "manifest.mpd").write_text(text, encoding="utf-8")


def _other_encoding(folder: Path) -> None:
    (folder / "manifest.mpd").write_text('<!DOCTYPE a [<!ENTITY b "c">]><MPD/>', encoding="utf-16")


def _gigantic_box(folder: Path) -> None:
    (folder / "video/480p/00002.m4s").write_bytes(struct.pack(">I4sQ", 1, b"moof", 2**63) + b"x" * 100)


def _gigantic_number(folder: Path) -> None:
    replaced("video/480p/index.m3u8", r"TARGETDURATION:\d+", "TARGETDURATION:" + "9" * 5000)(folder)


def _many_segments(folder: Path) -> None:
    text = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n" + "#EXTINF:1,\na\n" * 200_001
    (folder / "video/480p/index.m3u8").write_text(text, encoding="ascii")


def _pipe(folder: Path) -> None:
    (folder / "video/480p/00002.m4s").unlink()
    os.mkfifo(folder / "video/480p/00002.m4s")


def _folder(folder: Path) -> None:
    (folder / "video/480p/00002.m4s").unlink()
    (folder / "video/480p/00002.m4s").mkdir()


def _not_text(folder: Path) -> None:
    (folder / "master.m3u8").write_bytes(b"#EXTM3U\n\xff\xfe\xfd")


def _long_name(folder: Path) -> None:
    replaced("master.m3u8", "audio/1/index.m3u8", "a" * 5000)(folder)


def _nul(folder: Path) -> None:
    replaced("master.m3u8", "audio/1/index.m3u8", "a%00b")(folder)


class TestHostile:
    @pytest.mark.parametrize(
        ("spoil", "rule"),
        [
            (_bomb, "unreadable"),
            (_external, "unreadable"),
            (_deep, "unreadable"),
            (_other_encoding, "unreadable"),
            (_endless_timeline, "unreadable"),
            (_endless_period, "unreadable"),
            (_gigantic_box, "unreadable"),
            (_gigantic_number, "unreadable"),
            (_many_segments, "unreadable"),
            (_not_text, "unreadable"),
            (_pipe, "file-missing"),
            (_folder, "file-missing"),
            (_long_name, "file-missing"),
            (_nul, "outside"),
        ],
    )
    def test_told(self, copy: Path, spoil: Callable[[Path], None], rule: str) -> None:
        """What is meant to hurt its reader becomes a finding, and is not read."""
        spoil(copy)

        assert rule in _rules(examine(copy))

    @pytest.mark.parametrize(
        "address",
        [
            "../secret/00001.m4s",
            "/etc/hostname",
            "%2e%2e/secret/00001.m4s",
            "link.m4s",
            "loop.m4s",
            "outside/00001.m4s",
        ],
    )
    def test_outside(self, copy: Path, address: str) -> None:
        """Nothing outside of the folder is opened: not by a path, not by escapes, not by a link."""
        secret = copy.parent / "secret"
        shutil.copytree(copy / "video/480p", secret)
        folder = copy / "video/480p"
        (folder / "link.m4s").symlink_to(secret / "00001.m4s")
        (folder / "loop.m4s").symlink_to(folder / "loop.m4s")
        (folder / "outside").symlink_to(secret, target_is_directory=True)
        replaced("video/480p/index.m3u8", "00001.m4s", address)(copy)

        report = examine(copy)

        told = [one for one in report.findings if one.file == "video/480p/index.m3u8"]
        assert {one.rule for one in told} <= {"outside", "file-missing"}
        assert told
        assert "video/480p/index.m3u8" not in {stream.playlist for stream in report.video}

    @pytest.mark.parametrize("name", ["master.m3u8", "manifest.mpd"])
    def test_linked_manifest(self, copy: Path, name: str) -> None:
        """A manifest that is a link out of the folder is not read."""
        (copy / name).rename(copy.parent / name)
        (copy / name).symlink_to(copy.parent / name)

        report = examine(copy)

        assert "outside" in _rules(report)
        assert name not in report.manifests

    def test_no_network(self, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """An address elsewhere is told as not checked, and nobody connects to it."""

        def refuse(*_arguments: object) -> None:
            raise AssertionError

        monkeypatch.setattr(socket.socket, "connect", refuse)
        replaced("master.m3u8", "audio/1/index.m3u8", "http://169.254.169.254/index.m3u8")(copy)

        assert _rules(examine(copy)) == {"not-checked"}
