"""How soon an uploaded film plays: ten minutes of ordinary H.264, from its probe to a checked set."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure, Target, medians, seconds

from vitascope.transcoding.jobs.service import first
from vitascope.transcoding.pipeline import binaries
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench

_SECONDS, _PIECE = 600, 20


def figures() -> Iterator[Figure]:
    """Seconds until a film plays from a copy of itself, with its poster."""
    tools = binaries.find(os.environ)
    with tempfile.TemporaryDirectory(prefix="vitascope-bench-") as name:
        folder = Path(name)
        film = _film(folder, tools)
        (taken,) = medians(lambda: seconds(lambda: _show(film, tools)))
    yield Figure(
        name="transcode.first_playable",
        value=taken,
        unit=f"s to the first playable rung of {_SECONDS} s of 1080p30",
        target=Target("value", "<=", 10),
    )


def _film(folder: Path, tools: binaries.Tools) -> Path:
    """A piece of moving picture with a tone at some 5 Mb/s, many times over."""
    piece, film = folder / "piece.mp4", folder / "film.mp4"
    picture = f"testsrc2=s=1920x1080:r=30:d={_PIECE},noise=c0s=4:c0f=t,format=yuv420p"
    inputs = ("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=440:r=48000:d={_PIECE}")
    video = ("-c:v", "libx264", "-preset", "ultrafast", "-b:v", "5M", "-g", "60", "-bf", "2")
    start = (str(tools.ffmpeg), "-nostdin", "-v", "error")
    subprocess.run([*start, *inputs, *video, "-c:a", "aac", "-ac", "2", piece], check=True)
    again = ("-stream_loop", str(_SECONDS // _PIECE - 1), "-i", str(piece), "-c", "copy")
    subprocess.run([*start, *again, film], check=True)
    return film


def _show(source: Path, tools: binaries.Tools) -> None:
    pipeline = Pipeline(Workbench(tools=tools))
    with tempfile.TemporaryDirectory(prefix="work-", dir=source.parent) as work:
        media, _ = pipeline.probe(source)
        film = Film.of(source, pipeline.plan(media))
        made, _ = first.copy(pipeline, film, work=Path(work), protection=None)
        assert made is not None, "the film does not play as it is"
