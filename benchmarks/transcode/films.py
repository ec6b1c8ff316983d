"""The films that are transcoded, and what is measured of a run."""

import os
import resource
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from vitascope.transcoding.pipeline import binaries, probe
from vitascope.transcoding.pipeline.contracts import Limits
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.ladder import plan
from vitascope.transcoding.pipeline.profile import DEFAULT, Profile

SECONDS = int(os.environ.get("VITASCOPE_BENCH_SECONDS", "60"))
RUNS = 3  # of what takes a minute or more
WORKERS = 2
TOOLS = binaries.find(os.environ)


class Cost(Struct, frozen=True):
    """Seconds of wall and of CPU, that of child processes included."""

    wall: float
    cpu: float


def cost_of(work: Callable[[], object]) -> Cost:
    """What the programs that a call runs to their end cost."""
    began, before = time.perf_counter(), _children()
    work()
    return Cost(wall=time.perf_counter() - began, cpu=_children() - before)


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def versions() -> dict[str, str]:
    """What the programs say that they are."""
    reports = binaries.describe(os.environ)
    return {report.name: (report.version or "").partition(" Copyright")[0] for report in reports}


def minute(folder: Path) -> Path:
    """A minute of moving test picture in 1080p with grain, and a tone."""
    return film(folder, size="1920x1080", rate=30, seconds=SECONDS)


def film(folder: Path, *, size: str, rate: int, seconds: int) -> Path:
    """A moving test picture with grain, and a tone."""
    file = folder / f"film-{size}-{seconds}.mp4"
    picture = f"testsrc2=s={size}:r={rate}:d={seconds},noise=c0s=6:c0f=t,format=yuv420p"
    inputs = ("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=440:d={seconds}")
    codecs = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "18", "-c:a", "aac")
    subprocess.run([TOOLS.ffmpeg, "-nostdin", "-v", "error", *inputs, *codecs, file], check=True)
    return file


def planned(file: Path, profile: Profile = DEFAULT) -> Film:
    """A film with what is to be made of it."""
    media, _ = probe.probe(file, ffprobe=TOOLS.ffprobe, limits=Limits())
    return Film.of(file, plan(media, profile))
