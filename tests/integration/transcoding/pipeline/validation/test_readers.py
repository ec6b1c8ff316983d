"""Readers that are not ours find in a set what ours finds."""

import base64
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import m3u8
import pytest
import webvtt
from mpegdash.parser import MPEGDASHParser
from pymp4.parser import Box
from tests.integration.transcoding.pipeline.validation.sets import KEY_ID, Sets

from vitascope.transcoding.pipeline.playlists import read_master
from vitascope.transcoding.pipeline.validation.mpd import Representation, read_mpd
from vitascope.transcoding.pipeline.validation.text import read_cues
from vitascope.transcoding.pipeline.validation.validate import examine

KINDS = ["film", "codecs", "cbcs", "cenc"]


def _boxes(path: Path) -> Iterator[Any]:
    data = path.read_bytes()
    while data:
        box = Box.parse(data)
        yield from _all(box)
        data = data[box.end - box.offset :]


def _all(box: Any) -> Iterator[Any]:
    yield box
    for child in box.get("children") or ():
        yield from _all(child)


def _representations(path: Path) -> list[Representation]:
    return [listed for one in read_mpd(path).sets for listed in one.representations]


def _count(template: Any) -> int:
    return sum(1 + (entry.r or 0) for entry in template.segment_timelines[0].Ss)


class TestM3u8:
    @pytest.mark.parametrize("name", KINDS)
    def test_media(self, sets: Sets, name: str) -> None:
        """`m3u8` counts the same renditions, segments and seconds."""
        folder = sets[name]
        report = examine(folder)

        master = m3u8.load(str(folder / "master.m3u8"))
        lists = {one.uri: m3u8.load(str(folder / one.uri)) for one in (*master.playlists, *master.media)}

        assert len(master.playlists) == len(read_master(folder / "master.m3u8").variants)
        assert master.is_independent_segments
        for stream in (*report.video, *report.audio):
            listed = lists[stream.playlist]
            assert len(listed.segments) == len(stream.files)
            assert sum(one.duration for one in listed.segments) == pytest.approx(stream.duration, abs=0.05)
            assert listed.is_endlist
            assert max(one.duration for one in listed.segments) <= listed.target_duration + 0.5

    @pytest.mark.parametrize("name", KINDS)
    def test_variants(self, sets: Sets, name: str) -> None:
        """`m3u8` reads the codecs, sizes and bandwidths that our reader measured."""
        folder = sets[name]
        streams = {stream.playlist: stream for stream in examine(folder).video}

        for variant in m3u8.load(str(folder / "master.m3u8")).playlists:
            stream, said = streams[variant.uri], variant.stream_info
            assert said.codecs.split(",")[0].startswith(stream.initialisation.codec)
            assert said.resolution == (stream.initialisation.width, stream.initialisation.height)
            assert said.frame_rate == pytest.approx(stream.frames / stream.duration, abs=0.001)
            assert said.bandwidth >= 0.9 * stream.peak_bandwidth

    def test_keys(self, sets: Sets) -> None:
        """`m3u8` reads the key id and the pssh box that stand in the segments' header."""
        folder = sets["cbcs"]

        keys = m3u8.load(str(folder / "h264/index.m3u8")).keys

        (named,) = [key for key in keys if key.keyformat == "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"]
        box = base64.b64decode(named.uri.partition(",")[2])
        assert named._extra_params["keyid"] == f"0x{KEY_ID}"
        assert box in (folder / "h264/init.mp4").read_bytes()
        assert {key.method for key in keys} == {"SAMPLE-AES"}


class TestMpegdash:
    @pytest.mark.parametrize("name", KINDS)
    def test_representations(self, sets: Sets, name: str) -> None:
        """`mpegdash` reads the representations, codecs, bandwidths and segments that our reader does."""
        file = sets[name] / "manifest.mpd"

        theirs = {
            listed.id: listed
            for one in MPEGDASHParser.parse(str(file)).periods[0].adaptation_sets
            for listed in one.representations
        }

        ours = _representations(file)
        assert sorted(str(identity) for identity in theirs) == sorted(listed.id for listed in ours)
        by_id = {str(identity): listed for identity, listed in theirs.items()}
        for listed in ours:
            their = by_id[listed.id]
            assert (their.codecs, str(their.bandwidth)) == (listed.get("codecs"), listed.get("bandwidth"))
            assert _count(their.segment_templates[0]) == len(listed.segments)

    def test_protection(self, sets: Sets) -> None:
        """`mpegdash` reads the same key ids and schemes."""
        file = sets["cenc"] / "manifest.mpd"

        told = {
            (shield.value, shield.cenc_default_kid)
            for one in MPEGDASHParser.parse(str(file)).periods[0].adaptation_sets
            for shield in one.content_protections
            if shield.cenc_default_kid
        }

        assert told == {("cenc", str(uuid.UUID(KEY_ID)))}
        assert {s.key_id for one in _representations(file) for s in one.shields if s.key_id} == {KEY_ID}


class TestPymp4:
    @pytest.mark.parametrize("name", ["film", "codecs"])  # it cannot read the packager's senc boxes
    def test_fragments(self, sets: Sets, name: str) -> None:
        """`pymp4` counts the same samples, at the same decode times, on the same clock."""
        folder = sets[name]

        for stream in examine(folder).video:
            header = {box.type: box for box in _boxes((folder / stream.playlist).parent / "init.mp4")}
            boxes = [box for file in stream.files for box in _boxes(folder / file)]
            scale = header[b"mdhd"].timescale
            starts = [box.baseMediaDecodeTime / scale for box in boxes if box.type == b"tfdt"]
            assert scale == stream.initialisation.timescale
            assert starts == pytest.approx(list(stream.starts))
            assert sum(box.sample_count for box in boxes if box.type == b"trun") == stream.frames

    def test_keys(self, sets: Sets) -> None:
        """`pymp4` reads the same key id, systems and keys of systems."""
        folder = sets["cenc"]
        (stream,) = examine(folder).audio

        boxes = list(_boxes(folder / "aac/init.mp4"))

        protection = stream.initialisation.sample.protection
        assert protection is not None
        assert [box.key_ID.hex for box in boxes if box.type == b"tenc"] == [protection.key_id] == [KEY_ID]
        assert [(box.system_ID.hex, box.init_data) for box in boxes if box.type == b"pssh"] == [
            (header.system, header.data) for header in stream.initialisation.systems
        ]


class TestWebvtt:
    def test_cues(self, film: Path) -> None:
        """`webvtt-py` reads the same cues, of captions and of thumbnails."""
        for path in (film / "text/0/captions.vtt", film / "pictures/thumbnails.vtt"):
            theirs = [(_seconds(one.start), _seconds(one.end)) for one in webvtt.read(str(path)).captions]
            ours = [(cue.start, cue.end) for cue in read_cues(path)]
            assert [*sum(theirs, ())] == pytest.approx([*sum(ours, ())])
            assert ours


def _seconds(time: str) -> float:
    hours, minutes, seconds = time.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
