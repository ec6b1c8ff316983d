import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import m3u8
import pytest
from mpegdash.parser import MPEGDASHParser
from pymp4.parser import Box
from tests.integration.transcoding.pipeline.conftest import Published
from tests.integration.transcoding.pipeline.corpus import TOOLS, Corpus

from vitascope.foundation.errors import VitascopeError
from vitascope.transcoding.pipeline.contracts import (
    IncompleteMedia,
    Limits,
    MediaBeyondLimits,
    NotMedia,
    NoVideo,
    OutputOccupied,
    OutputUnwritable,
    Progress,
    TranscodeCancelled,
    UnreadableMedia,
)
from vitascope.transcoding.pipeline.run import STAGES, Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench


def boxes(data: bytes) -> Iterator[Any]:
    """The top-level boxes of an MP4 file as pymp4 reads them."""
    while data:
        box = Box.parse(data)
        yield box
        data = data[box.end - box.offset :]


class TestTranscode:
    def test_rungs(self, published: Published) -> None:
        """A 480p film becomes 480p and 360p renditions of as many frames as it has, and none above."""
        outcome, _ = published("plain")

        sizes = [(made.name, made.width, made.height, made.frames) for made in outcome.renditions]
        assert sizes == [("480p", 854, 480, 125), ("360p", 640, 360, 125)]

    def test_stages(self, published: Published) -> None:
        """The outcome tells the seconds of wall and CPU of every stage."""
        outcome, _ = published("plain")

        assert tuple(outcome.stages) == STAGES
        assert all(stage.wall > 0 and stage.cpu > 0 for stage in outcome.stages.values())

    def test_hls(self, published: Published) -> None:
        """An independent reader of HLS finds the renditions with what was measured of them."""
        outcome, folder = published("plain")

        master = m3u8.load(str(folder / "master.m3u8"))

        streams = [variant.stream_info for variant in master.playlists]
        assert [stream.resolution for stream in streams] == [(854, 480), (640, 360)]
        assert [stream.codecs for stream in streams] == [f"{r.codec},mp4a.40.2" for r in outcome.renditions]
        assert [stream.frame_rate for stream in streams] == [25.0, 25.0]
        sound = outcome.audio[0].peak_bandwidth
        for stream, rendition in zip(streams, outcome.renditions, strict=True):
            assert stream.bandwidth == pytest.approx(rendition.peak_bandwidth + sound, rel=0.1)

    def test_segments_agree(self, published: Published) -> None:
        """Segments start at the same instants on every rung and last no longer than the target duration."""
        _, folder = published("plain")

        master = m3u8.load(str(folder / "master.m3u8"))

        media = [m3u8.load(str(folder / variant.uri)) for variant in master.playlists]
        assert [[s.duration for s in one.segments] for one in media] == [[2.0, 2.0, 1.0]] * 2
        assert all(round(s.duration) <= one.target_duration for one in media for s in one.segments)
        assert all(one.is_endlist for one in media)

    def test_iframe_playlists(self, published: Published) -> None:
        """Every rendition has a playlist of its key frames, for fast forward."""
        _, folder = published("plain")

        master = m3u8.load(str(folder / "master.m3u8"))

        assert len(master.iframe_playlists) == 2
        for entry in master.iframe_playlists:
            playlist = m3u8.load(str(folder / entry.uri))
            assert playlist.is_i_frames_only
            assert len(playlist.segments) == 3

    def test_dash(self, published: Published) -> None:
        """An independent reader of DASH finds the same renditions in a static presentation."""
        _, folder = published("plain")

        mpd = MPEGDASHParser.parse(str(folder / "manifest.mpd"))

        pictures = next(s for s in mpd.periods[0].adaptation_sets if s.content_type == "video")
        assert mpd.type == "static"
        assert [(r.width, r.height) for r in pictures.representations] == [(854, 480), (640, 360)]

    def test_cmaf(self, published: Published) -> None:
        """Every segment is one CMAF fragment of its own, as an independent reader of MP4 sees it."""
        _, folder = published("plain")

        kinds = [box.type for box in boxes((folder / "video/480p/00002.m4s").read_bytes())]

        assert [kind for kind in kinds if kind in {b"moof", b"mdat"}] == [b"moof", b"mdat"]

    def test_languages(self, published: Published) -> None:
        """Each sound and caption track is there in its language, the default marked, cover art left out."""
        outcome, folder = published("languages")

        media = m3u8.load(str(folder / "master.m3u8")).media
        mpd = MPEGDASHParser.parse(str(folder / "manifest.mpd"))

        told = [(m.type, m.language, m.name, m.default) for m in media]
        assert told == [
            ("AUDIO", "de", "de", "YES"),
            ("AUDIO", "en", "en", "NO"),
            ("AUDIO", "en", "en 2", "NO"),
            ("SUBTITLES", "fr", "fr", "NO"),
        ]
        tracks = {(s.content_type, s.lang) for s in mpd.periods[0].adaptation_sets}
        assert tracks == {("video", None), ("audio", "de"), ("audio", "en"), ("text", "fr")}
        assert "Hello <i>there</i>" in (folder / outcome.captions[0].file).read_text(encoding="utf-8")

    def test_only_sound_is_default(self, published: Published) -> None:
        """A sound track of unknown language is the default when it is the only one."""
        _, folder = published("plain")

        (media,) = m3u8.load(str(folder / "master.m3u8")).media

        assert media.default == "YES"

    def test_pictures(self, published: Published) -> None:
        """There is a poster, and a thumbnail for every two seconds of the seek bar."""
        outcome, folder = published("plain")

        index = (folder / outcome.pictures.thumbnails).read_text(encoding="ascii")

        for picture in (*outcome.pictures.posters, *outcome.pictures.sheets):
            assert (folder / picture.file).read_bytes()[:3] == b"\xff\xd8\xff"
        assert index.count("-->") == 3
        assert "00:00:02.000 --> 00:00:04.000\nthumbnails-01.jpg#xywh=160,0,160,90" in index

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("silent", [(640, 360, 30.0, 90)]),
            ("variable-rate", [(640, 360, 30.0, 120)]),
            ("rotated", [(360, 640, 30.0, 90)]),
            ("anamorphic", [(854, 480, 25.0, 75), (640, 360, 25.0, 75)]),
            ("odd", [(640, 360, 30.0, 90)]),
            ("ten-bit", [(640, 360, 30.0, 60)]),
            ("interlaced", [(640, 360, 25.0, 50)]),
            ("fast", [(640, 360, 60.0, 180)]),
            ("single-pixel", [(2, 2, 10.0, 20)]),
            ("ten-hours", [(854, 480, 25.0, 125), (640, 360, 25.0, 125)]),
            ("webm", [(320, 180, 30.0, 60)]),
            ("mkv", [(640, 360, 30.0, 120)]),
            ("vertical", [(480, 854, 29.97, 90), (360, 640, 29.97, 90)]),
            ("cinemascope", [(1280, 536, 23.976, 72), (854, 358, 23.976, 72), (640, 268, 23.976, 72)]),
        ],
    )
    def test_unusual_films(
        self, published: Published, name: str, expected: list[tuple[int, int, float, int]]
    ) -> None:
        """Films of unusual shape, rate, depth or container become ordinary renditions."""
        outcome, _ = published(name)

        assert [(r.width, r.height, r.frame_rate, r.frames) for r in outcome.renditions] == expected
        assert outcome.warnings == ()

    @pytest.mark.parametrize("name", ["ten-bit", "hybrid-log-gamma"])
    def test_high_dynamic_range(self, published: Published, name: str) -> None:
        """PQ and HLG become 8-bit pictures in BT.709, and say so."""
        outcome, folder = published(name)

        playlist = folder / outcome.renditions[0].playlist
        told = subprocess.run(
            [TOOLS.ffprobe, "-v", "error", "-show_streams", "-of", "json", str(playlist)],
            capture_output=True,
            check=True,
        )

        (stream,) = json.loads(told.stdout)["streams"]
        colours = [stream[f"color_{part}"] for part in ("space", "transfer", "primaries", "range")]
        assert colours == ["bt709", "bt709", "bt709", "tv"]
        assert stream["pix_fmt"] == "yuv420p"

    @pytest.mark.parametrize(
        ("name", "seconds"), [("short-sound", 5.0), ("single-frame", 0.04), ("slides", 12.0)]
    )
    def test_lengths(self, published: Published, name: str, seconds: float) -> None:
        """A set lasts as long as its picture, be that one frame or much longer than the sound."""
        outcome, _ = published(name)

        assert outcome.duration == pytest.approx(seconds)
        assert outcome.warnings == ()

    def test_long_sound(self, published: Published) -> None:
        """Sound that outlasts the picture ends with it, and that is said."""
        outcome, folder = published("long-sound")

        sound = m3u8.load(str(folder / outcome.audio[0].playlist))
        assert outcome.duration == 2.0
        assert sum(segment.duration for segment in sound.segments) == pytest.approx(2.0, abs=0.1)
        assert "ends with the picture" in outcome.warnings[0]

    def test_transport_stream(self, published: Published) -> None:
        """A stream whose clock starts at ten seconds becomes a set that starts at nought."""
        outcome, _ = published("transport-stream")

        assert outcome.duration == pytest.approx(3, abs=0.1)

    @pytest.mark.parametrize(
        ("name", "problem", "said"),
        [
            ("empty", NotMedia, "zero bytes"),
            ("text", NotMedia, "plain text"),
            ("html", NotMedia, "an HTML page"),
            ("soundless-picture", NoVideo, "no picture"),
            ("gigantic", MediaBeyondLimits, "32768x32768"),
            ("truncated", IncompleteMedia, "only 0:00:0"),
            ("ten-hours-matroska", IncompleteMedia, "10:00:00"),
            ("without-index", UnreadableMedia, "cut off"),
            ("damaged", UnreadableMedia, "damaged"),
        ],
    )
    def test_refused_films(
        self,
        corpus: Corpus,
        bench: Workbench,
        tmp_path: Path,
        name: str,
        problem: type[VitascopeError],
        said: str,
    ) -> None:
        """What cannot be transcoded ends with a problem that a person understands, and leaves nothing."""
        with pytest.raises(problem, match=said):
            Pipeline(bench).transcode(corpus[name], out=tmp_path / "new" / "set")

        assert list(tmp_path.iterdir()) == []

    def test_limits(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """A film that is longer than allowed is refused before it is decoded."""
        strict = Workbench(tools=bench.tools, limits=Limits(duration=2.0))

        with pytest.raises(MediaBeyondLimits, match="hours"):
            Pipeline(strict).transcode(corpus["plain"], out=tmp_path / "set")

    def test_hostile_name(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """A name with commas, percent signs, control characters and an option's look is only a name."""
        hostile = tmp_path / "-i %05d,in=x;$(touch pwned)\n\x1b[31m.mp4"
        hostile.write_bytes(corpus["silent"].read_bytes())

        outcome = Pipeline(bench).transcode(hostile, out=tmp_path / "se,t %02d=\x1b")

        assert outcome.renditions[0].frames == 90
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([hostile.name, "se,t %02d=\x1b"])

    def test_relative_paths(
        self, corpus: Corpus, bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Film and output may be named from the folder that one is in."""
        (tmp_path / "film.mp4").write_bytes(corpus["languages"].read_bytes())
        monkeypatch.chdir(tmp_path)

        outcome = Pipeline(bench).transcode(Path("film.mp4"), out=Path("set"))

        assert (tmp_path / "set" / outcome.manifests.hls).is_file()
        assert (tmp_path / "set" / outcome.captions[0].file).is_file()

    def test_occupied(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """A folder that holds something is not overwritten."""
        (tmp_path / "mine").write_text("keep", encoding="ascii")

        with pytest.raises(OutputOccupied):
            Pipeline(bench).transcode(corpus["silent"], out=tmp_path)

        assert (tmp_path / "mine").read_text(encoding="ascii") == "keep"

    def test_unwritable(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """An output folder that cannot be made is told as such."""
        (tmp_path / "file").touch()

        with pytest.raises(OutputUnwritable, match="cannot be made"):
            Pipeline(bench).transcode(corpus["silent"], out=tmp_path / "file" / "set")

    def test_cancel(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """A cancellation stops the encoder and leaves nothing behind."""
        cancelled = threading.Event()

        def listen(progress: Progress) -> None:
            if progress.stage == "encode":
                cancelled.set()

        busy = Workbench(tools=bench.tools, listen=listen, cancel=cancelled)

        with pytest.raises(TranscodeCancelled):
            Pipeline(busy).transcode(corpus["plain"], out=tmp_path / "set")

        assert list(tmp_path.iterdir()) == []

    def test_progress(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """Each stage is heard from its beginning to its end, and never goes backwards."""
        heard: list[Progress] = []
        told = Workbench(tools=bench.tools, listen=heard.append)

        Pipeline(told).transcode(corpus["silent"], out=tmp_path / "set")

        for stage in STAGES:
            fractions = [progress.fraction for progress in heard if progress.stage == stage]
            assert fractions[-1] == 1.0
            assert fractions == sorted(fractions)


class TestStages:
    def test_repeated(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """A stage that is repeated finds its result, runs no program, and answers the same."""
        pipeline, source = Pipeline(bench), corpus["silent"]
        plan = pipeline.plan(pipeline.probe(source)[0])
        encoded, _ = pipeline.encode(source, plan, work=tmp_path)
        packaged, _ = pipeline.package(encoded, work=tmp_path)
        pictures, folder, _ = pipeline.pictures(encoded, work=tmp_path)

        again, encoding = pipeline.encode(source, plan, work=tmp_path)
        packaged_again, packaging = pipeline.package(again, work=tmp_path)
        pictures_again, folder_again, drawing = pipeline.pictures(again, work=tmp_path)

        assert (again, packaged_again, pictures_again, folder_again) == (encoded, packaged, pictures, folder)
        assert [time.cpu for time in (encoding, packaging, drawing)] == [0, 0, 0]

    def test_killed(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """After a kill -9 in the middle of encoding nothing passes for a result, and a retry completes."""
        pipeline, source = Pipeline(bench), corpus["plain"]
        plan = pipeline.plan(pipeline.probe(source)[0])
        _kill_while_encoding(source, tmp_path)
        left = [path.name for path in (tmp_path / "chunks").iterdir() if not path.name.startswith(".")]

        encoded, time_taken = pipeline.encode(source, plan, work=tmp_path)

        assert left == []
        assert time_taken.cpu > 0
        assert encoded.video[0].frames == 125

    def test_half_a_result(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """Had the killed encoder written under the final name (the planted bug), it would be found out."""
        pipeline, source = Pipeline(bench), corpus["plain"]
        plan = pipeline.plan(pipeline.probe(source)[0])
        encoded, _ = pipeline.encode(source, plan, work=tmp_path)
        video = encoded.folder / encoded.video[0].file
        video.write_bytes(video.read_bytes()[:100_000])

        with pytest.raises(VitascopeError):
            pipeline.verify(pipeline.package(encoded, work=tmp_path)[0], encoded)

    def test_other_film(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """The result of one film is never taken for that of another in the same folder."""
        pipeline = Pipeline(bench)

        folders = {
            pipeline.encode(corpus[name], pipeline.plan(pipeline.probe(corpus[name])[0]), work=tmp_path)[
                0
            ].folder
            for name in ("silent", "webm")
        }

        assert len(folders) == 2


def _kill_while_encoding(source: Path, work: Path) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\n"
        "from vitascope.transcoding.pipeline import binaries\n"
        "from vitascope.transcoding.pipeline.run import Pipeline\n"
        "from vitascope.transcoding.pipeline.workbench import Workbench\n"
        "pipeline = Pipeline(Workbench(tools=binaries.find(os.environ)))\n"
        "source, work = map(Path, sys.argv[1:])\n"
        "pipeline.encode(source, pipeline.plan(pipeline.probe(source)[0]), work=work)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", code, str(source), str(work)], env=environment) as process:
        until = time.monotonic() + 60
        while not list(work.glob("chunks/.chunk-*/*.mp4")) and time.monotonic() < until:
            time.sleep(0.01)
        process.kill()
    assert list(work.glob("chunks/.chunk-*")), "the encoder did not start"
