"""A film that is encoded in chunks is the film: the same pictures, at the same times."""

import re
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.integration.transcoding.pipeline.corpus import H264, TOOLS, ffmpeg, picture, tone

from vitascope.transcoding.pipeline.contracts import (
    WHOLE_FILM,
    Chunk,
    Limits,
    Rung,
)
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.ladder import plan
from vitascope.transcoding.pipeline.profile import Profile, VideoProfile
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command, Finished
from vitascope.transcoding.pipeline.video import join, pictures
from vitascope.transcoding.pipeline.workbench import Workbench

_SIZE = "160x90"
_NOISY = ("-vf", "noise=c0s=20:c0f=t")  # no two pictures are alike
_GROUP = 6  # frames: many chunks of a short film
# How a film of about four seconds is made: its suffix, its picture, and what the encoder is told.
SOURCES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "constant": (".mp4", picture(_SIZE, rate="25"), (*_NOISY, *H264, "-g", "12")),
    "ntsc": (".mov", picture(_SIZE, rate="30000/1001"), (*_NOISY, *H264, "-g", "20")),
    "ntsc-matroska": (".mkv", picture(_SIZE, rate="30000/1001"), (*_NOISY, *H264, "-g", "20")),
    "odd-rate": (".mp4", picture(_SIZE, rate="15000/1013"), (*_NOISY, *H264, "-g", "9")),
    "long-groups": (".mp4", picture(_SIZE, rate="25"), (*_NOISY, *H264, "-g", "500")),
    "gaps": (
        ".mp4",
        picture(_SIZE, rate="30"),
        ("-vf", "noise=c0s=20:c0f=t,select='lt(t,0.7)+between(t,1.93,2.1)+gt(t,3.2)*mod(n,3)'",
         "-fps_mode", "vfr", *H264, "-g", "4"),
    ),
    "gaps-matroska": (
        ".mkv",
        picture(_SIZE, rate="30"),
        ("-vf", "noise=c0s=20:c0f=t,select='lt(t,0.7)+between(t,1.93,2.1)+gt(t,3.2)*mod(n,3)'",
         "-fps_mode", "vfr", *H264, "-g", "4"),
    ),
    "jitter": (
        ".mp4",
        picture(_SIZE, rate="24"),
        ("-vf", "noise=c0s=20:c0f=t,setpts=PTS+0.4/24/TB*random(1)", "-fps_mode", "passthrough",
         "-enc_time_base", "1/90000", *H264, "-g", "10"),
    ),
    "b-frames": (
        ".mp4",
        picture(_SIZE, rate="25"),
        (*_NOISY, "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-pix_fmt", "yuv420p", "-g", "15"),
    ),
    "open-groups": (
        ".mov",
        picture(_SIZE, rate="25"),
        (*_NOISY, "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "15", "-pix_fmt", "yuv420p",
         "-x264-params", "open-gop=1:scenecut=0"),
    ),
    "hevc-open-groups": (
        ".mkv",
        picture(_SIZE, rate="25"),
        (*_NOISY, "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
         "-x265-params", "open-gop=1:keyint=14:min-keyint=14:bframes=4:b-adapt=0:log-level=none"),
    ),
    "interlaced": (
        ".mp4",
        picture("160x96", rate="50"),
        ("-vf", "noise=c0s=20:c0f=t,interlace=scan=tff,setfield=tff", *H264, "-flags", "+ildct+ilme",
         "-x264opts", "tff=1", "-g", "10"),
    ),
    "late-start": (
        ".mp4",
        picture(_SIZE, rate="25"),
        (*_NOISY, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "11",
         "-output_ts_offset", "1.5"),
    ),
    "late-start-matroska": (
        ".mkv",
        picture(_SIZE, rate="30000/1001"),
        (*_NOISY, *H264, "-g", "11", "-output_ts_offset", "1.5"),
    ),
    "vp9": (
        ".webm",
        picture(_SIZE, rate="30", seconds=3),
        (*_NOISY, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "21"),
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory, bench: Workbench) -> "Films":
    """Films of all kinds, each planned for two small rungs and groups of six frames."""
    return Films(tmp_path_factory.mktemp("films"), Pipeline(bench))


class Films:
    """Films in a folder, made on demand and kept."""

    def __init__(self, folder: Path, pipeline: Pipeline) -> None:
        self._folder, self._pipeline = folder, pipeline

    def __getitem__(self, name: str) -> Film:
        suffix, source, told = SOURCES[name]
        file = self._folder / f"{name}{suffix}"
        if not file.exists():
            ffmpeg(*source, *tone(), "-map", "0:v", "-map", "1:a", *told, str(file))
        media, _ = self._pipeline.probe(file)
        made = plan(media, Profile(video=VideoProfile(chunk_seconds=0.7)))
        return Film.of(file, replace(made, gop=_GROUP, rungs=(rung("large", 128, 72), rung("small", 64, 36))))


def rung(name: str, width: int, height: int) -> Rung:
    """A small rung."""
    return Rung(
        name=name, width=width, height=height, profile="high", crf=30, max_rate=400_000, buffer=400_000
    )


def chunks_of(film: Film, bench: Workbench) -> list[Chunk]:
    """Where the pipeline cuts it."""
    chunks: list[Chunk] = []
    Pipeline(bench).cut(film, found=chunks.append)
    return chunks


def told_to_show(film: Film, chunk: Chunk) -> list[str]:
    """What ffmpeg is told in order to decode a chunk for its largest rung."""
    return list(pictures(film, chunk, film.plan.rungs[:1], pixels=Limits().pixels))


def shown(arguments: Sequence[str]) -> list[str]:
    """A digest of each picture that the encoder would get."""
    output = ("-map", "[v0]", "-f", "framemd5", "-progress", "/dev/null", "-")
    command = [str(TOOLS.ffmpeg), *arguments, *output]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    return [line.rpartition(",")[2].strip() for line in told.stdout.splitlines() if line[:1] == "0"]


class TestPictures:
    @pytest.mark.parametrize("name", SOURCES)
    def test_chunks_show_the_film(self, films: Films, bench: Workbench, name: str) -> None:
        """The chunks together show exactly the pictures of the film, whatever its container and clock."""
        film = films[name]

        chunks = chunks_of(film, bench)

        assert len(chunks) >= 3
        parts = [shown(told_to_show(film, chunk)) for chunk in chunks]
        assert [len(part) for part in parts[:-1]] == [chunk.frames for chunk in chunks[:-1]]
        assert [one for part in parts for one in part] == shown(told_to_show(film, WHOLE_FILM))

    @pytest.mark.parametrize(
        ("name", "right", "wrong"),
        [
            ("gaps", "-noaccurate_seek", "-accurate_seek"),
            ("gaps", r":start_time=[0-9.]+", ""),
        ],
    )
    def test_planted_mistake(self, films: Films, bench: Workbench, name: str, right: str, wrong: str) -> None:
        """Entering the film a picture late, or keeping its time less exactly, is seen in the pictures."""
        film = films[name]
        chunks = chunks_of(film, bench)

        mistaken = [[re.sub(right, wrong, word) for word in told_to_show(film, chunk)] for chunk in chunks]

        assert [one for part in mistaken for one in shown(part)] != shown(told_to_show(film, WHOLE_FILM))


class TestEncodeChunk:
    def test_rung_alone(self, films: Films, bench: Workbench, tmp_path: Path) -> None:
        """A rung that is made alone, later, is the same to the byte as one made together with the others."""
        film = films["ntsc"]
        chunk, pipeline = chunks_of(film, bench)[1], Pipeline(bench)

        together, _ = pipeline.encode_chunk(film, chunk, film.plan.rungs, work=tmp_path / "together")
        alone, _ = pipeline.encode_chunk(film, chunk, film.plan.rungs[1:], work=tmp_path / "alone")

        assert alone == together[1:]
        assert contents(tmp_path / "alone") == {alone[0].name: contents(tmp_path / "together")[alone[0].name]}

    def test_planted_mistake(self, films: Films, bench: Workbench, tmp_path: Path) -> None:
        """Were a rung alone scaled from the source and not from the largest rung, its bytes would differ."""
        film = films["ntsc"]
        small = replace(film, plan=replace(film.plan, rungs=film.plan.rungs[1:]))
        chunk, pipeline = chunks_of(film, bench)[1], Pipeline(bench)

        pipeline.encode_chunk(film, chunk, film.plan.rungs, work=tmp_path / "together")
        pipeline.encode_chunk(small, chunk, small.plan.rungs, work=tmp_path / "alone")

        (mistaken,) = contents(tmp_path / "alone").values()
        assert mistaken not in contents(tmp_path / "together").values()

    def test_checkpoint(self, films: Films, bench: Workbench, tmp_path: Path) -> None:
        """What is there is not made again: asked for one rung and then for both, only the other is made."""
        film = films["constant"]
        chunk, pipeline = chunks_of(film, bench)[0], Pipeline(bench)
        (first,), _ = pipeline.encode_chunk(film, chunk, film.plan.rungs[:1], work=tmp_path)
        before = (tmp_path / "chunks" / first.name).stat()

        both, took = pipeline.encode_chunk(film, chunk, film.plan.rungs, work=tmp_path)
        _, again = pipeline.encode_chunk(film, chunk, film.plan.rungs, work=tmp_path)

        assert (tmp_path / "chunks" / first.name).stat().st_mtime_ns == before.st_mtime_ns
        assert [one.frames for one in both] == [chunk.frames] * 2
        assert (took.cpu > 0, again.cpu) == (True, 0)

    def test_after_the_end(self, films: Films, bench: Workbench, tmp_path: Path) -> None:
        """A chunk of which the film has no picture is an empty checkpoint of no frames."""
        film = films["constant"]
        beyond = Chunk(number=9, first=600, frames=None)

        made, _ = Pipeline(bench).encode_chunk(film, beyond, film.plan.rungs, work=tmp_path)

        assert [one.frames for one in made] == [0, 0]
        assert list(contents(tmp_path).values()) == [b"", b""]


def contents(work: Path) -> dict[str, bytes]:
    """The checkpoints in a folder."""
    return {file.name: file.read_bytes() for file in (work / "chunks").iterdir()}


class TestJoin:
    @pytest.mark.parametrize("name", ["odd-rate", "ntsc-matroska", "gaps"])
    def test_as_if_whole(self, films: Films, bench: Workbench, tmp_path: Path, name: str) -> None:
        """Joined chunks have the frames, the times and the key frames of the film encoded in one piece."""
        film = films[name]
        chunks = chunks_of(film, bench)

        joined, _ = Pipeline(bench).assemble(film, chunks, work=tmp_path / "joined")
        whole, _ = Pipeline(bench).assemble(film, [WHOLE_FILM], work=tmp_path / "whole")

        for one, other in zip(joined.video, whole.video, strict=True):
            assert (one.frames, one.duration, one.key_frames) == (
                other.frames,
                other.duration,
                other.key_frames,
            )
            times = times_of(joined.folder / one.file)
            assert times == times_of(whole.folder / other.file)
            assert {after - before for before, after in pairwise(times)} == {times[1] - times[0]}

    def test_many_chunks(self, films: Films, bench: Workbench, tmp_path: Path) -> None:
        """Hundreds of chunks of an odd rate stand exactly where they belong, to the tick."""
        film, file = one_chunk(films, bench, tmp_path)

        join(film.plan, film.plan.rungs[1], [file] * 400, out=tmp_path / "joined.mp4", bench=bench)

        assert drift(file, tmp_path / "joined.mp4") == 0

    def test_planted_drift(self, films: Films, bench: Workbench, tmp_path: Path) -> None:
        """Without the whole multiples of a frame the times of hundreds of chunks would drift."""
        film, file = one_chunk(films, bench, tmp_path)
        careless = _Careless(tools=bench.tools)

        join(film.plan, film.plan.rungs[1], [file] * 400, out=tmp_path / "joined.mp4", bench=careless)

        assert drift(file, tmp_path / "joined.mp4") != 0


class _Careless(Workbench, frozen=True):
    """Leaves the times as the joined files tell them."""

    def must(self, command: Command, *, bounds: Bounds) -> Finished:
        arguments = tuple("null" if word.startswith("setts=") else word for word in command.arguments)
        return super().must(replace(command, arguments=arguments), bounds=bounds)


def one_chunk(films: Films, bench: Workbench, work: Path) -> tuple[Film, Path]:
    """A film of 15000/1013 frames per second and a chunk of it, not of whole microseconds."""
    film = films["odd-rate"]
    film = replace(film, plan=replace(film.plan, gop=8))
    chunk = Chunk(number=1, first=8, frames=8)
    (made,), _ = Pipeline(bench).encode_chunk(film, chunk, film.plan.rungs[1:], work=work)
    return film, work / "chunks" / made.name


def drift(chunk: Path, joined: Path) -> int:
    """By how many ticks the frames of a joined file stray from their places, at most."""
    start, after, *_ = times_of(chunk)
    return max(abs(time - start - number * (after - start)) for number, time in enumerate(times_of(joined)))


def times_of(file: Path) -> list[int]:
    """When each frame is shown, in ticks."""
    told = subprocess.run(
        [TOOLS.ffprobe, "-v", "error", "-show_entries", "packet=pts", "-of", "csv=p=0", str(file)],
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted(int(line.split(",")[0]) for line in told.stdout.split())
